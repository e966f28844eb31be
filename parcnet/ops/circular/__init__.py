"""Circular convolution of ParCNetV1: its definition, the exact algorithms, and the choice between them."""

from parcnet.ops.circular.dispatch import choose_circular, circular_conv2d
from parcnet.ops.circular.registry import CIRCULAR_ALGORITHMS

__all__ = ["CIRCULAR_ALGORITHMS", "choose_circular", "circular_conv2d"]
