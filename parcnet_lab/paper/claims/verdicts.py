"""What a set of figures says of a claim: rules that are fixed before anything is measured."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["supported", "contradicted", "undecided", "pass", "fail"]
"""`pass` and `fail` are for statements of algebra, which no sample can leave open."""

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

    `step` is what the values are counted in: s is taken to be at least that, because a few counts that happen to be
    equal are no proof that seeds do not matter.
    """
    from scipy.stats import t  # here, for it takes a second that only this needs

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
    """Supported when the whole interval is within `tolerance` of the stated value, contradicted when none of it is."""
    if stated - tolerance <= found.low and found.high <= stated + tolerance:
        return "supported"
    return "contradicted" if found.high < stated - tolerance or found.low > stated + tolerance else "undecided"


def exact(holds: bool) -> Verdict:
    """The verdict on a statement of algebra."""
    return "pass" if holds else "fail"


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """One verdict for a claim of several parts: contradicted by one that is, supported only when all are."""
    found = list(verdicts)
    if "contradicted" in found:
        return "contradicted"
    return "supported" if found and all(each == "supported" for each in found) else "undecided"
