"""Circular convolution of ParCNetV1: its definition, the exact algorithms, and the choice between them."""

from parcnet.ops.circular.algorithms import CIRCULAR_ALGORITHMS
from parcnet.ops.circular.dispatch import choose_circular, circular_conv2d

__all__ = ["CIRCULAR_ALGORITHMS", "choose_circular", "circular_conv2d"]
