"""Benchmarks: speed, memory and training, each result with the machine and versions it was measured on."""

from parcnet.base.timing import Timing, interleave
from parcnet_lab.bench.machine import describe

__all__ = ["Timing", "describe", "interleave"]
