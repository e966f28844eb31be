"""Claim 3: circular convolution distorts at the border of the map, oversized convolution does not (Fig. 2)."""

import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from parcnet.ops import circular_conv2d, oversized_conv2d
from parcnet.plots.charts import charts
from parcnet.plots.lines import Line, LineChart
from parcnet.plots.panels import Panel, panels
from parcnet_lab.paper.claims.experiment import Drawing, Experiment, Note
from parcnet_lab.paper.claims.finding import ClaimFigure, ClaimOutcome
from parcnet_lab.paper.claims.photographs import NAMES, grey_map, photograph
from parcnet_lab.paper.claims.settings import Settings
from parcnet_lab.paper.claims.verdicts import Interval, direction, exact, paired

_SIDE, _OBJECT = 32, 10  # px
_REACH = _SIDE // 2 - 1  # px to either side that the compared kernels reach: what fits on the circle
_BAND = 4  # px from the border
_ROUNDING = 1e-12
_SECONDS = 6


def measure(settings: Settings, note: Note) -> tuple[ClaimOutcome, list[Drawing]]:
    """An object moved across the map, and crops of photographs whose true surroundings are known."""
    columns = range(-_OBJECT // 2, _SIDE - _OBJECT // 2 + 1)
    moved = {
        name: np.array([[_error(operator, _scene(column), seed) for column in columns] for seed in settings.every_seed])
        for name, operator in _OPERATORS.items()
    }
    note(_SECONDS // 2, "an object across the border")
    real = {
        name: [_surroundings_error(operator, seed, settings.quick) for seed in settings.every_seed]
        for name, operator in _OPERATORS.items()
    }
    note(_SECONDS - _SECONDS // 2, "crops of photographs")
    nearer = paired(real["circular"], real["oversized"])
    clean = moved["oversized"].max() <= _ROUNDING
    figures = (*_figures(moved), _real_figure(real, nearer))
    because = (
        "Wherever the object is, the output of the oversized convolution equals that on an unbounded empty plane; the "
        "circular one responds at the opposite border too. Zero padding is not exact either: compared with the true "
        "surroundings of a crop, " + _comparison(nearer)
    )
    data = {"columns": list(columns), "moved": {name: each.tolist() for name, each in moved.items()}, "real": real}
    drawings = [
        Drawing(
            "An object at the right border, and the output of both convolutions under the same kernel.", _draw_maps
        ),
        Drawing(
            "Largest error against an unbounded plane, relative to the largest output, while the object crosses the "
            "map.",
            lambda path: _draw_errors(path, list(columns), moved),
        ),
    ]
    return ClaimOutcome(figures, exact(bool(clean and moved["circular"].max() > 0.1)), because, data), drawings


def kernels(seed: int) -> tuple[Tensor, Tensor]:
    """Two kernels [1, 2 reach + 1]: normal taps under a Gaussian window, centred on the middle tap."""
    generator = torch.Generator().manual_seed(seed)
    offsets = torch.arange(-_REACH, _REACH + 1, dtype=torch.float64)
    window = torch.exp(-0.5 * (offsets / (_SIDE / 6)) ** 2)
    drawn = torch.randn(2, len(offsets), generator=generator, dtype=torch.float64) * window
    return drawn[:1], drawn[1:]


def oversized(x: Tensor, kernel_h: Tensor, kernel_w: Tensor) -> Tensor:
    """Oversized convolution with the taps in the middle of 2H-1 and 2W-1; the outer taps are 0."""
    height, width = x.shape[2:]
    return oversized_conv2d(x, F.pad(kernel_h, [height - 1 - _REACH] * 2), F.pad(kernel_w, [width - 1 - _REACH] * 2))


def circular(x: Tensor, kernel_h: Tensor, kernel_w: Tensor) -> Tensor:
    """Circular convolution with the same taps: tap k meets the pixel k steps ahead, so negative offsets come last."""
    for axis, side, kernel in (("h", x.shape[2], kernel_h), ("w", x.shape[3], kernel_w)):
        ring = F.pad(kernel, [0, side - kernel.shape[1]]).roll(-_REACH, 1)
        x = circular_conv2d(x, ring, axis=axis)
    return x


def unbounded(x: Tensor, kernel_h: Tensor, kernel_w: Tensor, margin: int) -> Tensor:
    """Plain convolution of a map with `margin` px around the requested part."""
    x = F.conv2d(x, kernel_h[:, None, :, None])
    x = F.conv2d(x, kernel_w[:, None, None, :])
    spare = margin - _REACH
    return x[:, :, spare : x.shape[2] - spare, spare : x.shape[3] - spare]


Operator = Callable[[Tensor, Tensor, Tensor], Tensor]
_OPERATORS: dict[str, Operator] = {"oversized": oversized, "circular": circular}


def _scene(column: int) -> Tensor:
    """A piece of the coins on an empty map [1, 1, 32, 32], its left edge at `column`, clipped at the border."""
    row = (_SIDE - _OBJECT) // 2
    piece = torch.from_numpy(grey_map("coins", 60, 60)[4 : 4 + _OBJECT, 6 : 6 + _OBJECT])
    scene = torch.zeros(1, 1, _SIDE, _SIDE, dtype=torch.float64)
    left, right = max(column, 0), min(column + _OBJECT, _SIDE)
    scene[0, 0, row : row + _OBJECT, left:right] = piece[:, left - column : right - column]
    return scene


def _error(operator: Operator, scene: Tensor, seed: int) -> float:
    true = unbounded(F.pad(scene, [_REACH] * 4), *kernels(seed), _REACH)
    return ((operator(scene, *kernels(seed)) - true).abs().max() / true.abs().max()).item()


def _surroundings_error(operator: Operator, seed: int, quick: bool) -> float:
    """Root mean square error within 4 px of the border, relative to the true output, over crops of all photographs.

    The true output is that of the convolution over the photograph around the crop.
    """
    wrong, size = 0.0, 0.0
    draw = np.random.default_rng(seed)
    for name in NAMES[:4] if quick else NAMES:
        pixels = torch.from_numpy(np.asarray(photograph(name), np.float64) / 255)[None, None]
        pixels = F.avg_pool2d(pixels, 2)
        pixels = pixels - pixels.mean()
        wide = _SIDE + 2 * _REACH
        top, left = (int(draw.integers(0, side - wide + 1)) for side in pixels.shape[2:])
        whole = pixels[:, :, top : top + wide, left : left + wide]
        true = unbounded(whole, *kernels(seed), _REACH)
        answer = operator(whole[:, :, _REACH : _REACH + _SIDE, _REACH : _REACH + _SIDE], *kernels(seed))
        inside = torch.ones(_SIDE, _SIDE, dtype=torch.bool)
        inside[_BAND:-_BAND, _BAND:-_BAND] = False
        wrong += (answer - true)[0, 0, inside].square().sum().item()
        size += true[0, 0, inside].square().sum().item()
    return (wrong / size) ** 0.5


def _figures(moved: dict[str, NDArray[np.float64]]) -> tuple[ClaimFigure, ...]:
    return tuple(
        ClaimFigure(
            f"{name}: largest error while the object crosses the map", f"{errors.max():.2g} of the largest output"
        )
        for name, errors in moved.items()
    )


def _real_figure(real: dict[str, list[float]], nearer: Interval) -> ClaimFigure:
    means = {name: statistics.fmean(errors) for name, errors in real.items()}
    return ClaimFigure(
        f"error within {_BAND} px of the border against the photograph's true surroundings",
        f"oversized {means['oversized']:.2f}, circular {means['circular']:.2f} (root mean square, relative)",
        interval=nearer,
        verdict=direction(nearer),
    )


def _comparison(nearer: Interval) -> str:
    return {
        "supported": "zero padding is closer than wrapping around.",
        "contradicted": "wrapping around is closer than zero padding.",
    }.get(direction(nearer), "neither zero padding nor wrapping around is reliably closer.")


def _draw_maps(path: Path) -> None:
    shown = []
    for column in (_SIDE // 2 - _OBJECT // 2, _SIDE - _OBJECT - 1, _SIDE - _OBJECT // 2):
        scene = _scene(column)
        shown.append(Panel(f"object at column {column}", scene[0, 0].numpy()))
        answers = {name: operator(scene, *kernels(0))[0, 0].numpy() for name, operator in _OPERATORS.items()}
        top = max(float(np.abs(each).max()) for each in answers.values())
        shown += [Panel(name, answer, "signed", top) for name, answer in answers.items()]
    panels(shown, 3, path)


def _draw_errors(path: Path, columns: list[int], moved: dict[str, NDArray[np.float64]]) -> None:
    curves = {name: Line(columns, errors.mean(0), errors.min(0), errors.max(0)) for name, errors in moved.items()}
    label = f"left edge of the {_OBJECT} px object (map of {_SIDE} px)"
    charts([LineChart(curves, label, "largest error / largest output", width=6.0)], path)


EXPERIMENT = Experiment(
    number=3,
    title="Distortion at the border",
    claim="Circular convolution distorts context at the boundary of the image; oversized convolution does not.",
    source="ICCV 2023, Fig. 2 and Sec. 1",
    experiment=(
        "An object is moved over the left and the right border of an empty map, and both operators, with the same "
        "taps, are compared with the convolution of an unbounded plane. Then crops of 18 photographs are compared "
        "with the convolution that sees the photograph around the crop."
    ),
    seconds=lambda _: _SECONDS,
    measure=measure,
)
