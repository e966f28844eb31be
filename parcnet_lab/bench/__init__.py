"""How fast, how large, and how cost grows with the map: measurements that say what they were taken with."""

from parcnet.base.timing import Timing, interleave
from parcnet_lab.bench.machine import describe

__all__ = ["Timing", "describe", "interleave"]
