"""Which algorithm `auto` chooses, and why."""

from __future__ import annotations

from functools import lru_cache
from math import log

import torch
from torch import Tensor

from parcnet.ops.oversized import tuning
from parcnet.ops.oversized.algorithms import ALGORITHMS
from parcnet.ops.oversized.checks import check
from parcnet.ops.oversized.problem import Problem

FALLBACK = "conv"  # supports every problem, in every runtime
_COSTS_PER_TAP = {
    "conv": lambda h, w: h + w,
    "dense": lambda h, w: h * w,
}  # the others cost the same for every kernel length


def fastest(problem: Problem) -> str:
    """The name of the algorithm with the shortest predicted time among those that support `problem`.

    The prediction is the nearest case of the tuned table; `conv` where the table has no case of this kind and where a
    size is symbolic. To a compiler the result is a constant.
    """
    if problem.symbolic:
        return FALLBACK
    if not torch.compiler.is_dynamo_compiling():
        return _fastest_in_table(problem, tuning.generation())
    return _constant(
        problem.batch,
        problem.channels,
        problem.height,
        problem.width,
        problem.taps_h,
        problem.taps_w,
        problem.dtype,
        problem.device,
        problem.training,
        problem.channels_last,
    )


@torch.compiler.assume_constant_result
def _constant(
    batch: int,
    channels: int,
    height: int,
    width: int,
    taps_h: int,
    taps_w: int,
    dtype: torch.dtype,
    device: str,
    training: bool,
    channels_last: bool,
) -> str:
    problem = Problem(batch, channels, height, width, taps_h, taps_w, dtype, device, training, channels_last)
    return _fastest_in_table(problem, tuning.generation())


@lru_cache(maxsize=4096)
def _fastest_in_table(problem: Problem, generation: int) -> str:  # noqa: ARG001 - part of the cache's key
    times = _predicted(problem, _nearest(problem))
    supported = [name for name in times if name in ALGORITHMS and ALGORITHMS[name].refuses(problem) is None]
    return min(supported, key=times.__getitem__, default=FALLBACK)


def _nearest(problem: Problem) -> tuning.TunedRow | None:
    """The nearest case by the logarithms of its sizes; height and width, which matter most, count twice."""
    if problem.batch == 0 or problem.channels == 0:
        return None

    def distance(row: tuning.TunedRow) -> float:
        sides = abs(log(row.height / problem.height)) + abs(log(row.width / problem.width))
        return 2 * sides + abs(log(row.channels / problem.channels)) + abs(log(row.batch / problem.batch))

    dtype = str(problem.dtype).removeprefix("torch.")
    rows = tuning.rows_for(problem.device, dtype, problem.training, problem.channels_last)
    return min(rows, key=distance, default=None)


def _predicted(problem: Problem, row: tuning.TunedRow | None) -> dict[str, float]:
    """The row's times in milliseconds, scaled for shorter kernels than 2H-1 and 2W-1 where the cost is per tap."""
    if row is None:
        return {}
    times = dict(row.times_ms)
    for name, cost in _COSTS_PER_TAP.items():
        if name in times:
            full = cost(2 * problem.height - 1, 2 * problem.width - 1)
            times[name] *= cost(problem.taps_h, problem.taps_w) / full
    return times


def explain_choice(
    x_or_problem: Tensor | Problem,
    kernel_h: Tensor | None = None,
    kernel_w: Tensor | None = None,
    *,
    training: bool | None = None,
) -> str:
    """Which algorithm `auto` chooses, and why not each of the others: its refusal, or both times. Lines of text.

    Takes a `Problem`, or an input [B, C, H, W] and its kernels, by default of full length (2H-1 and 2W-1 taps).
    `training` None: whether gradients are recorded now.
    """
    problem = _as_problem(x_or_problem, kernel_h, kernel_w, training)
    row, choice = _nearest(problem) if not problem.symbolic else None, fastest(problem)
    times = _predicted(problem, row)
    lines = [f"auto chooses {choice} for {_described(problem)}", _source(problem, row)]
    for name, algorithm in ALGORITHMS.items():
        lines.append(f"  {name:<10}{_verdict(name, algorithm.refuses(problem), choice, times)}")
    return "\n".join(lines)


def _as_problem(
    x: Tensor | Problem, kernel_h: Tensor | None, kernel_w: Tensor | None, training: bool | None
) -> Problem:
    if isinstance(x, Problem):
        if kernel_h is not None or kernel_w is not None or training is not None:
            raise ValueError("kernels and training are given with a tensor only: a Problem has them already")
        return x
    if x.dim() != 4:
        raise ValueError(f"x is [batch, channels, height, width], got shape {tuple(x.shape)}")
    if kernel_h is None:
        kernel_h = x.new_empty(x.shape[1], 2 * x.shape[2] - 1)
    if kernel_w is None:
        kernel_w = x.new_empty(x.shape[1], 2 * x.shape[3] - 1)
    check(x, kernel_h, kernel_w)
    return Problem.of(x, kernel_h, kernel_w, training)


def _described(problem: Problem) -> str:
    sizes = f"{problem.batch}x{problem.channels}x{problem.height}x{problem.width}"
    return (
        f"{sizes} {str(problem.dtype).removeprefix('torch.')}, taps {problem.taps_h} and {problem.taps_w}, "
        f"{'channels_last' if problem.channels_last else 'contiguous'}, "
        f"{'training' if problem.training else 'inference'}, on {problem.device}"
    )


def _source(problem: Problem, row: tuning.TunedRow | None) -> str:
    if problem.symbolic:
        return f"its sizes are symbolic, so no time is known: {FALLBACK} supports every size"
    if row is None:
        return f"the table has no such case for {problem.device!r}: {FALLBACK} (`parcnet bench tune` measures one)"
    measurement = tuning.measured(row.device)
    machine = f", measured on {measurement['cpu']}" if "cpu" in measurement else ""
    return f"nearest case in the table: {row.batch}x{row.channels}x{row.height}x{row.width}{machine}"


def _verdict(name: str, refusal: str | None, choice: str, times: dict[str, float]) -> str:
    if name == choice:
        return f"chosen: {times[name]:.3g} ms" if name in times else "chosen"
    if name == "reference":
        return "not considered: the definition, slow on purpose"
    if refusal is not None:
        return f"refuses: {refusal}"
    if not times:
        return "not considered: no time known"
    if name not in times:
        return "not considered: not timed in that case"
    return f"slower: {times[name]:.3g} ms against {times[choice]:.3g} ms" if choice in times else "not considered"
