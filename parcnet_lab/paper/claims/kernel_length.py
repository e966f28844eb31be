"""Claim 8: 2H-1 taps are the longest useful kernel (Sec. 3.1)."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from parcnet.plots.charts import charts
from parcnet.plots.lines import Line, LineChart
from parcnet_lab.paper.claims.experiment import Drawing, Experiment, Note
from parcnet_lab.paper.claims.finding import ClaimFigure, ClaimOutcome
from parcnet_lab.paper.claims.photographs import NAMES, grey_map
from parcnet_lab.paper.claims.settings import Settings
from parcnet_lab.paper.claims.verdicts import exact

_SIDE = 28
_SECONDS = 3


def measure(settings: Settings, note: Note) -> tuple[ClaimOutcome, list[Drawing]]:
    """Kernels from 1 to 2H+15 taps on photographs of H rows: the effect of each tap, the inputs of each output."""
    lengths = list(range(1, 2 * _SIDE + 16, 2))
    extreme = 2 * _SIDE - 1
    rows = [{"taps": taps, "seed": seed, **_of_length(seed, taps)} for seed in settings.every_seed for taps in lengths]
    note(_SECONDS, "kernels of every length")
    longer = [row for row in rows if row["taps"] > extreme]
    shorter = [row for row in rows if row["taps"] < extreme]
    at = [row for row in rows if row["taps"] == extreme]
    idle = all(row["beyond_gradient"] == 0 and row["beyond_effect"] == 0 for row in longer)
    whole = all(row["seen"] == 1 and row["useful"] == extreme for row in at + longer)
    lost = all(row["seen"] < 1 for row in shorter)
    nearest = max(shorter, key=lambda row: row["seen"])
    figures = (
        ClaimFigure("largest gradient of a tap beyond 2H-1", f"{max(row['beyond_gradient'] for row in longer):g}"),
        ClaimFigure(
            "largest change of the output when those taps become 1000",
            f"{max(row['beyond_effect'] for row in longer):g}",
        ),
        ClaimFigure(f"outputs that see an input, 2H-1 = {extreme} taps", f"{at[0]['seen']:.2%} of all pairs"),
        ClaimFigure(f"the same, {nearest['taps']} taps", f"{nearest['seen']:.2%} of all pairs"),
        ClaimFigure(f"the same, H = {_SIDE} rows and {_SIDE - 1} taps", f"{_seen(_SIDE - 1):.2%} of all pairs"),
    )
    because = (
        "Taps beyond 2H-1 only meet padding: their gradient and their effect are exactly 0. With two taps fewer, "
        "opposite corners of the map are no longer connected."
    )
    data = {"side": _SIDE, "rows": rows}
    caption = "Fraction of (output, input) pairs that a kernel connects, and taps with a gradient, over its length."
    drawing = Drawing(caption, lambda path: _draw(path, [row for row in rows if row["seed"] == 0], extreme))
    return ClaimOutcome(figures, exact(idle and whole and lost), because, data), [drawing]


def _of_length(seed: int, taps: int) -> dict[str, float]:
    """A plain depthwise convolution along H with `taps` taps and (taps-1)/2 rows of zeros at both ends."""
    x = torch.stack([torch.from_numpy(grey_map(name, _SIDE, _SIDE)) for name in NAMES])[None]
    generator = torch.Generator().manual_seed(seed)
    kernel = torch.randn(len(NAMES), taps, generator=generator, dtype=torch.float64, requires_grad=True)
    output = _convolve(x, kernel)
    (gradient,) = torch.autograd.grad(output.square().sum(), kernel)
    useful = (gradient.abs().amax(0) > 0).sum().item()
    margin = max(0, (taps - (2 * _SIDE - 1)) // 2)
    beyond = torch.cat([gradient[:, :margin], gradient[:, taps - margin :]], 1)
    with torch.no_grad():
        changed = kernel.clone()
        changed[:, :margin] = changed[:, taps - margin :] = 1000.0
        effect = (_convolve(x, changed) - output).abs().max().item()
    largest = beyond.abs().max().item() if margin else 0.0
    return {"useful": useful, "seen": _seen(taps), "beyond_gradient": largest, "beyond_effect": effect}


def _convolve(x: Tensor, kernel: Tensor) -> Tensor:
    taps = kernel.shape[1]
    return F.conv2d(x, kernel[:, None, :, None], padding=(taps // 2, 0), groups=len(kernel))


def _seen(taps: int) -> float:
    """Fraction of connected (output row, input row) pairs: the gradient of each output, for a kernel of ones."""
    x = torch.zeros(1, 1, _SIDE, 1, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda x: _convolve(x, torch.ones(1, taps, dtype=x.dtype)), x)
    return (jacobian != 0).double().mean().item()


def _draw(path: Path, rows: list[dict[str, float]], extreme: int) -> None:
    taps = [row["taps"] for row in rows]
    ticks = (1, _SIDE - 1, extreme, taps[-1])
    seen = LineChart(
        {"pairs connected": Line(taps, [100 * row["seen"] for row in rows])},
        f"taps of the kernel (map side H = {_SIDE})",
        "connected (%)",
        f"the whole map is seen from 2H-1 = {extreme} taps on",
        ticks,
    )
    useful = LineChart(
        {"taps with a gradient": Line(taps, [row["useful"] for row in rows])},
        f"taps of the kernel (map side H = {_SIDE})",
        "taps with a gradient",
        "taps beyond it receive no gradient",
        ticks,
        baseline=(extreme, "2H-1"),
    )
    charts([seen, useful], path)


EXPERIMENT = Experiment(
    number=8,
    title="2H-1 taps are the longest useful kernel",
    claim="2H-1 taps cover the global field at each position; longer kernels gain nothing, shorter ones lose it.",
    source="ICCV 2023, Sec. 3.1",
    experiment=(
        "A plain zero-padded convolution with kernels from 1 to 2H+15 taps runs over 18 photographs. The gradient "
        "and the effect of every tap beyond 2H-1 and the share of (output, input) pairs connected are measured."
    ),
    seconds=lambda _: _SECONDS,
    measure=measure,
)
