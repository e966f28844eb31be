"""How fast, how large, and how cost grows with the map: measurements that say what they were taken with."""

from parcnet.bench.machine import describe
from parcnet.bench.timing import Timing, interleave

__all__ = ["Timing", "describe", "interleave"]
