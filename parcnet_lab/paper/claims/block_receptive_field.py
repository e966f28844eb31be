"""Claim 4: the receptive field of one block is the whole map (Sec. 3.1, Effectiveness; Sec. 3.3)."""

import statistics
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from parcnet.data.device_seeds import seed_initial_weights
from parcnet.explain import area_of
from parcnet.layers import ParCNetV2Block
from parcnet.plots.panels import Panel, panels
from parcnet_lab.paper.claims.crops import resized
from parcnet_lab.paper.claims.experiment import Drawing, Experiment, Note
from parcnet_lab.paper.claims.finding import ClaimFigure, ClaimOutcome
from parcnet_lab.paper.claims.photographs import NAMES, photograph
from parcnet_lab.paper.claims.settings import Settings
from parcnet_lab.paper.claims.verdicts import exact

_SIDE, _CHANNELS = 56, 16  # the first stage's map for a 224 px image
_PLACES = {"corner": (0, 0), "edge": (0, _SIDE // 2), "centre": (_SIDE // 2, _SIDE // 2)}
_SHARE = 0.9
OPERATORS = ("oversized", "7x7", "31x31")


def measure(settings: Settings, note: Note) -> tuple[ClaimOutcome, list[Drawing]]:
    """Gradients of one output position with respect to the block's input, over all photographs and seeds."""
    names = NAMES[:3] if settings.quick else NAMES
    rows: list[dict[str, Any]] = []
    fields: dict[tuple[str, str], NDArray[np.float64]] = {}
    for operator in OPERATORS:
        per_seed = [_fields(operator, seed, names) for seed in settings.every_seed]
        for place in _PLACES:
            found = [each[place] for each in per_seed]
            fields[operator, place] = np.mean(found, axis=0)
            seen, areas = [float((each > 0).mean()) for each in found], [area_of(each, _SHARE) for each in found]
            rows.append({"operator": operator, "output": place, "seen": seen, "area_of_90": areas})
        note(_seconds(settings) // len(OPERATORS), f"gradients through {operator}")
    holds = all(min(row["seen"]) == 1 for row in rows if row["operator"] == "oversized")
    others = all(max(row["seen"]) < 1 for row in rows if row["operator"] != "oversized")
    because = (
        "With the oversized branch, no input has a zero gradient at the corner, the edge or the centre, on any "
        "photograph or seed; 7x7 and 31x31 do not reach the rest of the map. The shortcut is left out, and the "
        "weights are untrained: this is the theoretical receptive field, not the effective one after training."
    )
    caption = (
        "Gradient magnitude of one output (circle) with respect to the input of one block's spatial unit, mean over "
        "photographs and seeds, relative to its maximum, fourth root."
    )
    figures = tuple(map(_figure, rows))
    data = {"side": _SIDE, "photographs": names, "share": _SHARE, "rows": rows}
    return ClaimOutcome(figures, exact(holds and others), because, data), [
        Drawing(caption, lambda path: _draw(path, fields))
    ]


def branch(operator: str, seed: int) -> nn.Module:
    """Norm and spatial unit of one block, without the shortcut; one depthwise convolution mixes for 7x7 and 31x31."""
    seed_initial_weights(seed)
    block = ParCNetV2Block(_CHANNELS, _SIDE)
    if operator != "oversized":
        side = int(operator.split("x")[0])
        mix = nn.Conv2d(_CHANNELS, _CHANNELS, side, padding=side // 2, groups=_CHANNELS, bias=False)
        nn.init.trunc_normal_(mix.weight, std=0.02)
        block.spatial.mix = mix
    return nn.Sequential(block.norm1, block.spatial)


def _fields(operator: str, seed: int, names: tuple[str, ...]) -> dict[str, NDArray[np.float64]]:
    """By output position, the sum over channels and photographs of |d output / d input|: [56, 56] each."""
    x = _maps(seed, names).requires_grad_()
    weights = torch.randn(_CHANNELS, generator=torch.Generator().manual_seed(seed))
    output = branch(operator, seed)(x)
    found = {}
    for place, (row, column) in _PLACES.items():
        answer = (output[:, :, row, column] * weights).sum()
        (gradient,) = torch.autograd.grad(answer, x, retain_graph=True)
        found[place] = gradient.double().abs().sum((0, 1)).numpy()
    return found


def _maps(seed: int, names: tuple[str, ...]) -> Tensor:
    """The photographs after an untrained stem: [B, 16, 56, 56]."""
    seed_initial_weights(seed)
    stem = nn.Conv2d(1, _CHANNELS, 7, stride=4, padding=2)
    with torch.no_grad():
        return stem(resized([photograph(name) for name in names], 4 * _SIDE, 4 * _SIDE))


def _figure(row: dict[str, Any]) -> ClaimFigure:
    seen, area = statistics.fmean(row["seen"]), statistics.fmean(row["area_of_90"])
    return ClaimFigure(
        f"{row['operator']}, output at the {row['output']}",
        f"sees {seen:.1%} of the inputs; {_SHARE:.0%} of the gradient on {area:.1%} of the map",
    )


def _seconds(settings: Settings) -> int:
    return 3 if settings.quick else 18


def _draw(path: Path, fields: dict[tuple[str, str], NDArray[np.float64]]) -> None:
    shown = [
        Panel(f"{operator}, {place}", (field / field.max()) ** 0.25, "amount", 1.0, _PLACES[place])
        for (operator, place), field in fields.items()
    ]
    panels(shown, len(_PLACES), path)


EXPERIMENT = Experiment(
    number=4,
    title="Receptive field of one block",
    claim="The oversized convolution covers the global receptive field at each position, in a single block.",
    source="ICCV 2023, Sec. 3.1",
    experiment=(
        "The gradient of one output of an untrained spatial unit with respect to every input is measured on 18 "
        "photographs at 56x56, with the oversized branch, and with 7x7 or 31x31 depthwise convolution in its place. "
        "Counted are the inputs with a gradient, and the area that holds 90 % of it."
    ),
    seconds=_seconds,
    measure=measure,
)
