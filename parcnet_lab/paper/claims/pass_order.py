"""Claim 1: the vertical and the horizontal pass commute (supplement B)."""

import statistics
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from parcnet.ops import ALGORITHMS, oversized_conv2d
from parcnet.ops.oversized import Algorithm
from parcnet.plots.panels import Panel, panels
from parcnet_lab.paper.claims.experiment import Drawing, Experiment, Note
from parcnet_lab.paper.claims.finding import ClaimFigure, ClaimOutcome
from parcnet_lab.paper.claims.photographs import NAMES, grey_map
from parcnet_lab.paper.claims.settings import Settings
from parcnet_lab.paper.claims.verdicts import exact

_SIZES = ((14, 14), (21, 13), (28, 28))
_BOUND = 4.0
_SECONDS = 5


def measure(settings: Settings, note: Note) -> tuple[ClaimOutcome, list[Drawing]]:
    """Both orders by every algorithm, photographs of three sizes being the channels, in float64 and float32."""
    sizes = _SIZES[:2] if settings.quick else _SIZES
    rows: list[dict[str, Any]] = []
    for dtype in (torch.float64, torch.float32):
        for algorithm in ALGORITHMS.values():
            errors = [
                difference(algorithm, *operands(seed, *size, dtype)) for seed in settings.every_seed for size in sizes
            ]
            kind = str(dtype).removeprefix("torch.")
            found = {"largest": max(errors), "median": statistics.median(errors)}
            rows.append({"algorithm": algorithm.name, "dtype": kind, **found})
    note(_SECONDS, "both orders of every algorithm")
    worst = max(row["largest"] for row in rows)
    figures = tuple(
        ClaimFigure(f"{row['algorithm']}, {row['dtype']}", f"{row['largest']:.2f} (median {row['median']:.2f})")
        for row in rows
    )
    because = (
        "Differences are in machine epsilons of the same sums over absolute values, the scale of rounding errors. "
        f"The largest is {worst:.2f}; up to {_BOUND:.0f} counts as rounding, while operators that do not commute would "
        "differ by millions."
    )
    data = {"bound": _BOUND, "sizes": sizes, "rows": rows}
    caption = "One photograph as the map, the output of both orders, and their difference, in float32."
    return ClaimOutcome(figures, exact(worst <= _BOUND), because, data), [Drawing(caption, _draw)]


def difference(algorithm: Algorithm, x: Tensor, kernel_h: Tensor, kernel_w: Tensor) -> float:
    """Largest difference of the two orders, as a multiple of eps times the operator over absolute values."""
    apart = (algorithm.run(x, kernel_h, kernel_w) - horizontal_first(algorithm, x, kernel_h, kernel_w)).abs()
    size = oversized_conv2d(x.abs(), kernel_h.abs(), kernel_w.abs()).amax((2, 3), keepdim=True)
    return (apart / (torch.finfo(x.dtype).eps * size)).max().item()


def horizontal_first(algorithm: Algorithm, x: Tensor, kernel_h: Tensor, kernel_w: Tensor) -> Tensor:
    """Eq. 2 before Eq. 1: the transposed map under exchanged kernels, transposed back."""
    return algorithm.run(x.transpose(2, 3).contiguous(), kernel_w, kernel_h).transpose(2, 3)


def operands(seed: int, height: int, width: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """All photographs as the channels of one map [1, 18, H, W], and normal kernels of every tap."""
    x = torch.stack([torch.from_numpy(grey_map(name, height, width)) for name in NAMES])[None]
    generator = torch.Generator().manual_seed(seed)
    kernels = [torch.randn(len(NAMES), 2 * side - 1, generator=generator) for side in (height, width)]
    return x.to(dtype), kernels[0].to(dtype), kernels[1].to(dtype)


def _draw(path: Path) -> None:
    algorithm, channel = ALGORITHMS["conv"], NAMES.index("astronaut")
    x, kernel_h, kernel_w = operands(0, 56, 56, torch.float32)
    first = algorithm.run(x, kernel_h, kernel_w)
    second = horizontal_first(algorithm, x, kernel_h, kernel_w)
    shown = {"vertical first": first, "horizontal first": second, "difference": first - second}
    maps = {title: each[0, channel].numpy() for title, each in shown.items()}
    photo = Panel("map (astronaut)", x[0, channel].numpy())
    panels([photo, *(Panel(title, each, "signed") for title, each in maps.items())], 4, path)


EXPERIMENT = Experiment(
    number=1,
    title="Order of the two passes",
    claim="Changing the order of the vertical and the horizontal convolution does not affect the output.",
    source="ICCV 2023, Sec. 3.1 and supplement B",
    experiment=(
        "Every algorithm of the operator computes Eq. 1 before Eq. 2, and Eq. 2 before Eq. 1, on 18 photographs at "
        "square and other sizes. Their difference is compared with what rounding alone may do, in float64 and float32."
    ),
    seconds=lambda _: _SECONDS,
    measure=measure,
)
