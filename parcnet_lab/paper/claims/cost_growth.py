"""Claim 7: growth of the cost with the side of the map (Sec. 3.1, Efficiency; arXiv v1, Sec. 3.1)."""

import math
import statistics
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from parcnet.ops import ALGORITHMS
from parcnet.plots.scaling import scaling as draw_scaling
from parcnet_lab.bench import cost_exponents, grid, ops
from parcnet_lab.paper.claims.experiment import Drawing, Experiment, Note
from parcnet_lab.paper.claims.finding import ClaimFigure, ClaimOutcome
from parcnet_lab.paper.claims.settings import Settings
from parcnet_lab.paper.claims.verdicts import Interval, direction, exact, interval, near, together

_CHANNELS = 64
_SIDES, _QUICK_SIDES = (28, 56, 112, 224, 448), (14, 28, 56)
_NAMES = {"conv": "direct", "matmul": "Toeplitz products (ours)", "fft": "FFT"}
_TOLERANCE = 0.3  # of an exponent: caches and fixed costs bend every curve
_SECONDS_A_CASE = 0.4


def measure(settings: Settings, note: Note) -> tuple[ClaimOutcome, list[Drawing]]:
    """Times the three algorithms on one image of 64 channels, once for each seed, and fits exponents."""
    sides = _QUICK_SIDES if settings.quick else _SIDES
    device = torch.device("cpu")
    cases, _ = grid.cases(grid.Grid((_CHANNELS,), tuple((side, side) for side in sides), (1,)))
    algorithms = {name: ALGORITHMS[name] for name in _NAMES}
    sessions = []
    for seed in settings.every_seed:
        sessions.append(list(ops.measure(cases, device, _SECONDS_A_CASE, algorithms)))
        note(_seconds_each(settings), f"timing, session {seed + 1}")
    return _judge(sessions)


def _judge(sessions: list[list[dict[str, Any]]]) -> tuple[ClaimOutcome, list[Drawing]]:
    fits = [{each["algorithm"]: each for each in cost_exponents.exponents(rows)} for rows in sessions]
    figures, verdicts = [], []
    for name, words in _NAMES.items():
        slopes = interval([each[name]["fitted"] for each in fits])
        expected = fits[0][name]["expected"]
        verdict = near(slopes, expected, _TOLERANCE)
        stated = f"{expected:.2f} ({fits[0][name]['formula']})"
        # the Toeplitz form is ours: its exponent is shown but not judged
        figures.append(
            ClaimFigure(
                f"{words}: exponent",
                f"{slopes.mean:.2f} measured, {stated} stated",
                "",
                slopes,
                None if name == "matmul" else verdict,
            )
        )
        if name != "matmul":
            verdicts.append(verdict)
    largest = sessions[0][-1]["height"]
    gains = [_time(rows, "conv", largest) / _time(rows, "fft", largest) for rows in sessions]
    gain = interval([math.log(each) for each in gains])  # of ratios: 2 and 1/2 are as far from 1
    verdicts.append(direction(gain))
    times = Interval(math.exp(gain.mean), math.exp(gain.low), math.exp(gain.high), gain.count)
    figures.append(
        ClaimFigure(
            f"direct over FFT at {largest}x{largest}",
            f"FFT is {times.mean:.1f} times as fast",
            "",
            times,
            direction(gain),
        )
    )
    counted = _counted([row["height"] for row in sessions[0]])
    figures.append(counted)
    if counted.verdict == "fail":
        verdicts.append("contradicted")
    sides = fits[0]["conv"]["sides"]
    because = (
        f"Exponents are fitted from {sides[0]} to {sides[-1]} px, where fixed costs count least, and agree with the "
        f"stated complexity when their whole interval is within {_TOLERANCE} of it. {_last_step(sessions)} "
        f"{_crossing(sessions)}"
    )
    data = {"channels": _CHANNELS, "tolerance": _TOLERANCE, "sessions": sessions, "fits": fits}
    caption = "Milliseconds of one call over the side of the map, both logarithmic; dashed: the stated growth."
    drawing = Drawing(caption, lambda path: _draw(path, sessions[0], fits[0]))
    return ClaimOutcome(tuple(figures), together(verdicts), because, data), [drawing]


def _counted(sides: list[int]) -> ClaimFigure:
    """The multiply-adds of the direct form, counted as it runs, against the stated formula."""
    found = [multiply_adds(side) for side in sides]
    stated = [_CHANNELS * side**2 * 2 * (2 * side - 1) for side in sides]
    words = "equal to C HW [(2H-1) + (2W-1)]" if found == stated else f"{found} instead of {stated}"
    return ClaimFigure(f"direct: multiply-adds counted on {len(sides)} maps", words, verdict=exact(found == stated))


def multiply_adds(side: int) -> int:
    """Multiply-adds of the direct form on one map of that side by torch's counter, on the meta device."""
    x = torch.empty(1, _CHANNELS, side, side, device="meta")
    kernel = torch.empty(_CHANNELS, 2 * side - 1, device="meta")
    with FlopCounterMode(display=False) as counter:
        ALGORITHMS["conv"].run(x, kernel, kernel)
    return counter.get_total_flops() // 2


def _last_step(sessions: list[list[dict[str, Any]]]) -> str:
    """Growth of the direct form's time over the last step, beside that of its arithmetic."""
    before, last = (row["height"] for row in sessions[0][-2:])
    grown = statistics.median(_time(rows, "conv", last) / _time(rows, "conv", before) for rows in sessions)
    arithmetic = (last / before) ** 3
    return (
        f"From {before} to {last} px the direct form takes {grown:.0f} times as long for {arithmetic:.0f} times the "
        "multiply-adds: time is not proportional to arithmetic alone."
    )


def _time(rows: list[dict[str, Any]], name: str, side: int) -> float:
    return next(row["times"][name]["median_ms"] for row in rows if row["height"] == side)


def _crossing(sessions: list[list[dict[str, Any]]]) -> str:
    """The smallest measured side from which FFT beats the direct form, by the medians over sessions."""
    for row in sessions[0]:
        side = row["height"]
        if statistics.median(_time(rows, "conv", side) / _time(rows, "fft", side) for rows in sessions) > 1:
            return f"Of the sides measured, FFT is faster than the direct form from {side} px on."
    return f"Up to {sessions[0][-1]['height']} px FFT is never faster than the direct form."


def _seconds_each(settings: Settings) -> int:
    return 4 if settings.quick else 12


def _draw(path: Path, rows: list[dict[str, Any]], fits: dict[str, dict[str, Any]]) -> None:
    curves = {_NAMES[name]: curve for name, curve in cost_exponents.curves(rows).items()}
    stated = {_NAMES[name]: (each["formula"], each["expected"], each["fitted"]) for name, each in fits.items()}
    draw_scaling(curves, stated, f"one image of {_CHANNELS} channels, float32, CPU", path)


EXPERIMENT = Experiment(
    number=7,
    title="Growth of the cost",
    claim="The cost is proportional to HW[(2H-1) + (2W-1)], cubic in the side of a square map; FFT makes it n² log n.",
    source="ICCV 2023, Sec. 3.1, Efficiency; arXiv v1, Sec. 3.1",
    experiment=(
        "The operator is timed on this machine's CPU over the side of the map, interleaved: as two depthwise "
        "convolutions, by FFT, and as products with Toeplitz matrices. The slopes of the double logarithmic curves "
        "are compared with the stated complexities; the seeds are repeated sessions."
    ),
    seconds=lambda settings: settings.seeds * _seconds_each(settings),
    measure=measure,
)
