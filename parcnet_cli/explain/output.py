"""Opening the network to explain, and writing pictures and arrays."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from parcnet_cli.common.pictures import FORMATS

if TYPE_CHECKING:
    from parcnet.explain import ExplainedModel


def check_request(paths: Sequence[Path]) -> None:
    """Raises `UserError` for output files that cannot be written, before any work."""
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


def open_network(text: str, size: tuple[int, int] | None = None) -> "ExplainedModel":
    """The network that NETWORK names, for images of `size` (H, W) px; warns when it is untrained."""
    from parcnet.base import warn
    from parcnet.explain import open_model

    network = open_model(text, size)
    if not network.trained:
        warn(f"{network.name} is untrained: the result shows its architecture, not what it learns")
    return network


def write_outputs(paths: Sequence[Path], arrays: dict[str, Any], draw: Callable[[Path], Sequence[str]]) -> None:
    """Writes `arrays` to every .npz file and draws every other one; prints the remarks of `draw` and the file names."""
    from parcnet.base import say
    from parcnet.explain import save_arrays

    remarks: Sequence[str] = ()
    for path in paths:
        if path.suffix.lower() == ".npz":
            save_arrays(path, **arrays)
        else:
            remarks = draw(path)
    for line in remarks:
        say(escape(line))
    say(f"wrote {escape(', '.join(map(str, paths)))}")


def pair(values: tuple[float, float], form: str) -> str:
    """Two numbers, vertical and horizontal, in one table cell."""
    return ", ".join(form.format(value) for value in values)
