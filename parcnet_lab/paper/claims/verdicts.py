"""Verdicts on claims, by rules fixed before anything is measured."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["supported", "contradicted", "undecided", "pass", "fail"]
"""`pass` and `fail` judge algebraic statements, which need no statistics."""

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """The mean of paired differences, and the 95 % interval of Student's t about it, over `count` seeds."""

    mean: float
    low: float
    high: float
    count: int


def interval(differences: Sequence[float], step: float = 0.0) -> Interval:
    """Student's interval of the mean: mean +- t(0.975, n - 1) s / sqrt(n). Needs two differences at least.

    `step` is the resolution of the values, a lower bound for s: a few values that happen to be equal do not show that
    seeds have no effect.
    """
    from scipy.stats import t  # here: it takes a second, and only this needs it

    count = len(differences)
    if count < 2:
        raise ValueError(f"an interval needs at least two seeds, got {count}")
    mean = statistics.fmean(differences)
    deviation = max(statistics.stdev(differences), step)
    half = float(t.ppf((1 + LEVEL) / 2, count - 1)) * deviation / math.sqrt(count)
    return Interval(mean, mean - half, mean + half, count)


def paired(ours: Sequence[float], theirs: Sequence[float], step: float = 0.0) -> Interval:
    """The interval of ours - theirs, seed by seed; `step` as for `interval`."""
    return interval([a - b for a, b in zip(ours, theirs, strict=True)], step)


def direction(found: Interval) -> Verdict:
    """Supported when the whole interval lies above 0, contradicted when it lies below, else undecided."""
    if found.low > 0:
        return "supported"
    return "contradicted" if found.high < 0 else "undecided"


def near(found: Interval, stated: float, tolerance: float) -> Verdict:
    """Supported when the interval is within `tolerance` of the stated value, contradicted when it lies outside."""
    if stated - tolerance <= found.low and found.high <= stated + tolerance:
        return "supported"
    return "contradicted" if found.high < stated - tolerance or found.low > stated + tolerance else "undecided"


def exact(holds: bool) -> Verdict:
    """The verdict on an algebraic statement."""
    return "pass" if holds else "fail"


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on a claim of several parts: contradicted if one part is, supported only if all are."""
    found = list(verdicts)
    if "contradicted" in found:
        return "contradicted"
    return "supported" if found and all(each == "supported" for each in found) else "undecided"
