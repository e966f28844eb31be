"""Evenly spaced indices: a few items that stand for many."""

import numpy as np


def evenly_spaced(count: int, limit: int) -> list[int]:
    """At most `limit` indices of `count` items, evenly spaced and ascending, without repetition.

    The first and the last item are included, unless `limit` is 1, which leaves the first. Halves round to even.
    All indices if `limit` is at least `count`; none if either is 0. Raises ValueError for a negative number.
    """
    if min(count, limit) < 0:
        raise ValueError(f"count and limit must be at least 0, got {count} and {limit}")
    return np.unique(np.linspace(0, count - 1, min(count, limit)).round().astype(int)).tolist()
