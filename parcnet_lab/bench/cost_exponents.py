"""Scaling exponents: how the cost of each algorithm grows with the side of the map."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

SIDES = (14, 28, 56, 112, 224)

EXPECTED = {
    "conv": ("n^3", 3, False),
    "matmul": ("n^3", 3, False),
    "fft": ("n^2 log n", 2, True),
    "dense": ("n^4", 4, False),
}
"""Arithmetic on an n x n map: the formula, its power of n, and whether it has a logarithmic factor.

2H-1 taps at H W positions are n^3; the merged kernel has (2H-1)(2W-1) taps.
"""


def expected(algorithm: str, side: float) -> float | None:
    """d log(cost) / d log(n) at n = `side`; a logarithm adds 1 / log n. None for an algorithm without a formula."""
    if algorithm not in EXPECTED:
        return None
    _, power, logarithm = EXPECTED[algorithm]
    return power + 1 / math.log(side) if logarithm else float(power)


def exponent(sides: Sequence[float], milliseconds: Sequence[float]) -> float:
    """e of the least-squares line log t = e log n + constant; NaN for fewer than two sides."""
    if len(sides) < 2:
        return math.nan
    x, y = [math.log(each) for each in sides], [math.log(each) for each in milliseconds]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    above = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return above / sum((a - mean_x) ** 2 for a in x)


def curves(rows: Iterable[Mapping[str, Any]]) -> dict[str, tuple[list[int], list[float]]]:
    """Sides and median milliseconds by algorithm, from rows of square maps."""
    found: dict[str, tuple[list[int], list[float]]] = {}
    for row in sorted(rows, key=lambda row: row["height"]):
        for name, timing in row["times"].items():
            sides, times = found.setdefault(name, ([], []))
            sides.append(row["height"])
            times.append(timing["median_ms"])
    return found


def exponents(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each algorithm's exponent, fitted over the upper half of its sides, where fixed costs count least.

    The expected exponent is evaluated at the geometric mean of the same sides; None for an algorithm without a formula.
    """
    fitted = []
    for name, (sides, times) in curves(rows).items():
        half = min(len(sides) // 2, max(len(sides) - 2, 0))
        upper = sides[half:]
        should = expected(name, math.sqrt(upper[0] * upper[-1]))
        slope = exponent(upper, times[half:])
        fitted.append(
            {
                "algorithm": name,
                "sides": upper,
                "fitted": None if math.isnan(slope) else round(slope, 2),
                "formula": EXPECTED[name][0] if name in EXPECTED else "",
                "expected": None if should is None else round(should, 2),
            }
        )
    return fitted
