"""Pure functions on tensors: the operators of the ParCNet papers and the exact algorithms that compute them."""

from parcnet.ops.circular import CIRCULAR_ALGORITHMS, circular_conv2d
from parcnet.ops.kernel_fit import KernelFit, fit_circular, fit_kernel
from parcnet.ops.oversized import ALGORITHMS, explain_choice, merge, oversized_conv2d

__all__ = [
    "ALGORITHMS",
    "CIRCULAR_ALGORITHMS",
    "KernelFit",
    "circular_conv2d",
    "explain_choice",
    "fit_circular",
    "fit_kernel",
    "merge",
    "oversized_conv2d",
]
