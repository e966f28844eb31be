"""Interleaved timing of candidates that do the same work, so that load on the machine affects all of them alike."""

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch

Clock = Callable[[], float]
"""Seconds since an arbitrary origin."""

_SHORTEST_SAMPLE = {"cpu": 0.5e-3}  # seconds: long compared with reading the clock
_SHORTEST_SAMPLE_ASYNC = 3e-3  # seconds: long compared with a synchronisation and the launches before it


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds per call over `rounds` samples: median and quartiles."""

    median_ms: float
    p25_ms: float
    p75_ms: float
    rounds: int

    def ties(self, other: "Timing") -> bool:
        """Whether the interquartile ranges overlap, so that noise may explain the difference."""
        return self.p25_ms <= other.p75_ms and other.p25_ms <= self.p75_ms


def interleave(
    candidates: Mapping[str, Callable[[], object]],
    *,
    device: torch.device | str,
    seconds: float,
    minimum_rounds: int = 5,
    warmup: int = 2,
    clock: Clock = time.perf_counter,
) -> dict[str, Timing]:
    """Times the candidates in rounds: each round runs every candidate once and starts with the next one.

    A sample is one call, or as many as take 0.5 ms (3 ms on an accelerator), and ends with a synchronisation. Every
    second round runs in reverse order, so that no candidate always finds the caches left by the same predecessor.

    seconds          budget of all rounds together; the `warmup` calls (at least 1) and the first `minimum_rounds`
                     rounds run however long they take.
    """
    if warmup < 1 or minimum_rounds < 1:
        raise ValueError(f"warmup and minimum_rounds must be at least 1, got {warmup} and {minimum_rounds}")
    device = torch.device(device)
    calls = {name: _calls_per_sample(call, device, warmup, clock) for name, call in candidates.items()}
    samples: dict[str, list[float]] = {name: [] for name in candidates}
    with _no_collection():
        end = clock() + seconds
        rounds = 0
        while candidates and (rounds < minimum_rounds or clock() < end):
            for name in _order(list(candidates), rounds):
                samples[name].append(once(candidates[name], device, calls[name], clock))
            rounds += 1
    return {name: summarise(each) for name, each in samples.items()}


def once(call: Callable[[], object], device: torch.device, calls: int = 1, clock: Clock = time.perf_counter) -> float:
    """Mean seconds per call over `calls` consecutive calls, synchronised before and after."""
    _wait(device)
    start = clock()
    for _ in range(calls):
        call()
    _wait(device)
    return (clock() - start) / calls


def summarise(seconds: list[float]) -> Timing:
    """Median and quartiles, in milliseconds, of samples in seconds; a single sample is its own quartiles."""
    milliseconds = [1e3 * each for each in seconds]
    if len(milliseconds) == 1:
        milliseconds *= 2
    low, middle, high = statistics.quantiles(milliseconds, n=4, method="inclusive")
    return Timing(middle, low, high, len(seconds))


def _order(names: list[str], round_: int) -> Iterator[str]:
    start = round_ // 2 % len(names)
    rotated = names[start:] + names[:start]
    return reversed(rotated) if round_ % 2 else iter(rotated)


def _calls_per_sample(call: Callable[[], object], device: torch.device, warmup: int, clock: Clock) -> int:
    for _ in range(warmup - 1):
        call()
    elapsed = once(call, device, clock=clock)
    shortest = _SHORTEST_SAMPLE.get(device.type, _SHORTEST_SAMPLE_ASYNC)
    return max(1, min(10_000, math.ceil(shortest / elapsed))) if elapsed > 0 else 10_000


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Disables Python's garbage collector, and restores its state on exit."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
