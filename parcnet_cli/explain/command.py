"""`parcnet explain`: what a network looks at."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from parcnet_cli.common.arguments import parse
from parcnet_cli.common.pictures import FORMATS
from parcnet_cli.explain.arguments import (
    ERF,
    GATES,
    GRADCAM,
    HELP,
    KERNELS,
    POSITION,
    FieldArguments,
    GatesArguments,
    GradCamArguments,
    KernelsArguments,
    PositionArguments,
)

if TYPE_CHECKING:
    from parcnet.explain import ExplainedModel


def run(arguments: Sequence[str]) -> int:
    """Looks, draws and writes; exit code 0. Raises `UserError`."""
    arguments = list(arguments)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    what, rest = arguments[0], arguments[1:]
    if what not in _WHAT:
        from parcnet.base import unknown

        raise unknown("picture", what, _WHAT, "`parcnet explain --help` explains them.")
    return _WHAT[what](rest)


def _gradcam(arguments: Sequence[str]) -> int:
    asked = parse(GradCamArguments, "explain gradcam", GRADCAM, arguments)
    _check(asked.output, asked.limit)

    from parcnet.base import next_steps, pick_device, table
    from parcnet.explain import GradCam, Images, gradcam, read_images
    from parcnet.explain.explained_model import class_number
    from parcnet.explain.pictures import draw_gradcam

    device = pick_device(asked.device)
    subjects = [_subject(text, asked.img_size) for text in (asked.network, asked.compare) if text is not None]
    targets = [class_number(found, asked.target) for found in subjects]
    rows: list[tuple[str, Images, GradCam, list[str]]] = []
    arrays: dict[str, Any] = {}
    ours: Images | None = None
    for found, target in zip(subjects, targets, strict=True):
        seen = read_images(found, asked.images, limit=asked.limit, data=subjects[0].data)
        layer = asked.layer if ours is None else None
        ours = ours or seen
        shown = gradcam(
            found.classifier,
            seen.tensor,
            layer=layer,
            target=target,
            method=asked.method,
            device=device,
            dtype=asked.dtype,
        )
        names = [found.classes[number] for number in shown.classes]
        rows.insert(0, (found.title, seen, shown, names))
        arrays["compared" if arrays else "gradcam"] = {"found": shown, "network": found.name, "pictures": seen.pictures}
    assert ours is not None
    arrays["images"] = {"names": ours.names}
    _write(asked.output, arrays, lambda path: draw_gradcam(rows, path, ours))
    body = [
        (title, name, label, f"{share:.1%}")
        for title, seen, shown, labels in reversed(rows)
        for name, label, share in zip(seen.names, labels, shown.probabilities, strict=True)
    ]
    table("Explained classes", ("network", "image", "class", subjects[0].measure), body)
    next_steps([(f"parcnet explain gradcam {shlex.quote(asked.network)} --layer 3", "the third stage: finer maps")])
    return 0


def _kernels(arguments: Sequence[str]) -> int:
    asked = parse(KernelsArguments, "explain kernels", KERNELS, arguments)
    _check(asked.output)

    from parcnet.base import next_steps, table
    from parcnet.explain import oversized_kernels, reach
    from parcnet.explain.pictures import draw_kernels

    found = _subject(asked.network)
    strips, tiles = (
        oversized_kernels(found.model, layer=asked.layer, channels=channels, seed=asked.seed)
        for channels in (asked.channels, 2 * asked.channels)
    )
    reached = reach(found.model)
    arrays = {"strips": strips, "tiles": tiles, "reach": reached}
    _write(asked.output, arrays, lambda path: draw_kernels(strips, tiles, reached, path))
    columns = ("layer", "taps", "mean distance", "untrained", "energy beyond a 7x7", "symmetry", "untrained")
    body = [
        (
            each.layer,
            f"{2 * len(each.energy_h) - 1}, {2 * len(each.energy_w) - 1}",
            _both(each.distance, "{:.2f}"),
            _both(each.untrained_distance, "{:.2f}"),
            _both(each.beyond_local, "{:.0%}"),
            _both(each.symmetry, "{:.2f}"),
            _both(each.untrained_symmetry, "{:.2f}"),
        )
        for each in reached
    ]
    table("Reach of the oversized kernels, vertical and horizontal", columns, body)
    next_steps([(f"parcnet explain erf {shlex.quote(asked.network)}", "what the whole network listens to")])
    return 0


def _erf(arguments: Sequence[str]) -> int:
    asked = parse(FieldArguments, "explain erf", ERF, arguments)
    _check(asked.output, asked.limit)

    from parcnet.base import next_steps, pick_device, table
    from parcnet.explain import ReceptiveField, read_images, receptive_field
    from parcnet.explain.pictures import draw_receptive_field

    device = pick_device(asked.device)
    found: list[tuple[str, ReceptiveField]] = []
    first = _subject(asked.network, asked.img_size)
    others = [_subject(text, first.preprocessing.size) for text in asked.compare]
    for each in (first, *others):
        seen = read_images(each, asked.images, limit=asked.limit, data=first.data)
        layer = asked.layer if not found else None
        field = receptive_field(each.model, seen.tensor, layer=layer, device=device, dtype=asked.dtype)
        found.append((each.title, field))
    arrays = {str(place): {"network": name, "field": field} for place, (name, field) in enumerate(found)}
    _write(asked.output, arrays, lambda path: draw_receptive_field(found, path))
    body = [
        (
            name,
            field.layer,
            measure,
            *(f"{each.side} px, {each.area:.1%}" for each in squares),
        )
        for name, field in found
        for measure, squares in (("log10(P + 1)", field.squares), ("P", field.raw_squares))
    ]
    shares = [f"{each.share:.0%}" for each in found[0][1].squares]
    table("Smallest square that holds a share of the contribution P", ("network", "layer", "of", *shares), body)
    next_steps([(f"parcnet explain position {shlex.quote(asked.network)}", "whether features tell where they lie")])
    return 0


def _gates(arguments: Sequence[str]) -> int:
    asked = parse(GatesArguments, "explain gates", GATES, arguments)
    _check(asked.output, asked.limit)

    from parcnet.base import next_steps, pick_device, table
    from parcnet.explain import gates, read_images
    from parcnet.explain.pictures import draw_gates

    found = _subject(asked.network, asked.img_size)
    seen = read_images(found, asked.images, limit=asked.limit)
    shown = gates(
        found.model, seen.tensor, threshold=asked.threshold, device=pick_device(asked.device), dtype=asked.dtype
    )
    arrays = {"gates": shown, "pictures": seen.pictures, "names": seen.names}
    _write(asked.output, arrays, lambda path: draw_gates(found.title, seen, shown, path))
    body = [
        (each.layer, "x".join(map(str, each.maps.shape[1:])), f"{each.closed:.1%}", f"{each.negative:.1%}")
        for each in shown.gates
    ]
    table(f"Spatial gates on {len(seen.names)} images", ("unit", "map", "closed", "negative"), body)
    next_steps([(f"parcnet explain kernels {shlex.quote(asked.network)}", "what the gates let through")])
    return 0


def _position(arguments: Sequence[str]) -> int:
    asked = parse(PositionArguments, "explain position", POSITION, arguments)
    _check(asked.output, asked.limit)

    from parcnet.base import next_steps, pick_device, say, table
    from parcnet.explain import position, read_images
    from parcnet.explain.pictures import draw_position
    from parcnet.explain.target_layers import stages

    found = _subject(asked.network, asked.img_size)
    margin = max((stage.reduction for stage in stages(found.model)), default=1) if asked.shift is None else asked.shift
    seen = read_images(found, asked.images, limit=asked.limit, margin=max(margin, 0))
    shown = position(found.model, seen.tensor, shift=asked.shift, device=pick_device(asked.device), dtype=asked.dtype)
    _write(asked.output, {"position": shown}, lambda path: draw_position(found.title, shown, path))
    body = [
        (
            each.stage,
            "x".join(map(str, each.error.shape)),
            _both(each.r2, "{:.2f}"),
            _both(each.r2_shifted, "{:.2f}"),
            _both(each.follows, "{:.2f}"),
            f"{each.error.mean():.1%}",
        )
        for each in shown.probes
    ]
    columns = ("features", "map", "R²", f"R², moved by {shown.shift} px", "follows the frame", "mean error")
    table(f"Position, row and column, on {shown.tested} images (fitted to {shown.fitted})", columns, body)
    for name in shown.skipped:
        say(f"{name} is left out: its map has fewer than 2 places a side after the move")
    next_steps([(f"parcnet explain erf {shlex.quote(asked.network)}", "what the whole network listens to")])
    return 0


def _subject(text: str, size: tuple[int, int] | None = None) -> "ExplainedModel":
    from parcnet.base import warn
    from parcnet.explain import open_model

    found = open_model(text, size)
    if not found.trained:
        warn(f"{found.name} is untrained: it shows what its structure can see, not what training makes of it")
    return found


def _write(paths: Sequence[Path], arrays: dict[str, Any], draw: Callable[[Path], Sequence[str]]) -> None:
    from parcnet.base import say
    from parcnet.explain import save_arrays

    said: Sequence[str] = ()
    for path in paths:
        if path.suffix.lower() == ".npz":
            save_arrays(path, **arrays)
        else:
            said = draw(path)
    for line in said:
        say(escape(line))
    say(f"wrote {escape(', '.join(map(str, paths)))}")


def _check(paths: Sequence[Path], limit: int = 1) -> None:
    """Raises `UserError` for what could not be written or shown, before any work."""
    from parcnet.base import UserError, check_writable

    allowed = (".npz", *FORMATS)
    for path in paths:
        if path.suffix.lower() not in allowed:
            raise UserError(
                f"--output is {str(path)!r}; expected a file name that ends in one of {', '.join(allowed)}."
            )
        check_writable(path)
    if not paths:
        raise UserError("--output names no file; give a picture (.png, .svg) or .npz.")
    if limit < 1:
        raise UserError(f"--limit is {limit}; expected at least 1 image.")


def _both(values: tuple[float, float], form: str) -> str:
    return ", ".join(form.format(value) for value in values)


_WHAT: dict[str, Callable[[Sequence[str]], int]] = {
    "gradcam": _gradcam,
    "kernels": _kernels,
    "erf": _erf,
    "gates": _gates,
    "position": _position,
}
