"""Oversized convolution: its definition, the exact algorithms that compute it, and the choice between them."""

from parcnet.ops.oversized.algorithm_selection import explain_choice
from parcnet.ops.oversized.algorithms import ALGORITHMS
from parcnet.ops.oversized.dense import merge
from parcnet.ops.oversized.device_class import device_class
from parcnet.ops.oversized.dispatch import choose, oversized_conv2d
from parcnet.ops.oversized.problem import Algorithm, Problem

__all__ = [
    "ALGORITHMS",
    "Algorithm",
    "Problem",
    "choose",
    "device_class",
    "explain_choice",
    "merge",
    "oversized_conv2d",
]
