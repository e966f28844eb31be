"""Oversized convolution: its definition, the exact algorithms that compute it, and the choice between them."""

from parcnet.ops.oversized.dispatch import ALGORITHMS, choose, oversized_conv2d
from parcnet.ops.oversized.problem import Algorithm, Problem

__all__ = ["ALGORITHMS", "Algorithm", "Problem", "choose", "oversized_conv2d"]
