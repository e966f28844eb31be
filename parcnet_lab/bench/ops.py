"""Every algorithm of the oversized convolution on a grid of cases."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import torch

from parcnet.base.timing import Timing, interleave, once
from parcnet.ops.oversized import ALGORITHMS, Algorithm, Problem, choose
from parcnet_lab.bench.grid import Case
from parcnet_lab.bench.operands import Operands, disagreement

HOPELESS = 8.0  # an algorithm this many times slower than the fastest is timed by one call
LONGEST = 20.0  # seconds a round may take for there to be several
GOAL = 1.05  # `auto` is right when it takes at most this many times as long as the best


def competitors() -> dict[str, Algorithm]:
    """Every algorithm except the reference."""
    return {name: algorithm for name, algorithm in ALGORITHMS.items() if name != "reference"}


def measure(
    grid: Iterable[Case], device: torch.device, seconds: float, algorithms: Mapping[str, Algorithm] | None = None
) -> Iterator[dict[str, Any]]:
    """One row a case: `times` by algorithm, those that `refused` or are `wrong` with reasons, the choice of `auto`.

    `seconds` is the budget of each case. An algorithm is first checked on the tensors it is timed on, and not
    timed when its result is wrong.
    """
    for case in grid:
        yield _measure(case, device, seconds, competitors() if algorithms is None else algorithms)


def _measure(case: Case, device: torch.device, seconds: float, algorithms: Mapping[str, Algorithm]) -> dict[str, Any]:
    operands = Operands.of(case, device)
    with torch.set_grad_enabled(case.training):
        problem = Problem.of(operands.x, operands.kernel_h, operands.kernel_w)
    refused = {name: reason for name, each in algorithms.items() if (reason := each.refuses(problem)) is not None}
    asked = {name: each for name, each in algorithms.items() if name not in refused}
    wrong = {name: reason for name, each in asked.items() if (reason := disagreement(each, case, operands)) is not None}
    calls = {name: operands.call(each) for name, each in asked.items() if name not in wrong}
    first = {name: _first(call, device) for name, call in calls.items()}
    close = {name: call for name, call in calls.items() if first[name] <= HOPELESS * min(first.values())}
    times = {name: Timing(1e3 * took, 1e3 * took, 1e3 * took, 1) for name, took in first.items()}
    rounds = min(5, int(LONGEST / max(sum(first[name] for name in close), 1e-9)))
    if rounds:
        times |= interleave(close, device=device, seconds=seconds, minimum_rounds=rounds, warmup=1)
    return {
        **{key: getattr(case, key) for key in ("channels", "height", "width", "batch", "training", "channels_last")},
        "dtype": str(case.dtype).removeprefix("torch."),
        "operations": case.operations,
        "auto": choose(problem).name,
        "times": {name: asdict(timing) for name, timing in times.items()},
        "refused": refused,
        "wrong": wrong,
    }


def _first(call: Callable[[], object], device: torch.device) -> float:
    """Seconds of a call that the check has warmed up; the least of three where it is short."""
    took = once(call, device)
    return took if took > 0.1 else min(took, once(call, device), once(call, device))


def best(row: Mapping[str, Any]) -> str | None:
    """The algorithm of the smallest median in a row, if any was timed."""
    times = row["times"]
    return min(times, key=lambda name: times[name]["median_ms"]) if times else None


def auto_is_right(row: Mapping[str, Any]) -> bool:
    """Whether the choice of `auto` is within 5% of the best, or so close that noise could decide."""
    winner, times = best(row), row["times"]
    if winner is None or row["auto"] not in times:
        return False
    chosen, fastest = Timing(**times[row["auto"]]), Timing(**times[winner])
    return chosen.median_ms <= GOAL * fastest.median_ms or chosen.ties(fastest)
