"""Pure functions on tensors: the operators of the ParCNet papers and the exact algorithms that compute them."""

from parcnet.ops.kernel_fit import KernelFit, fit_kernel
from parcnet.ops.oversized import ALGORITHMS, oversized_conv2d

__all__ = ["ALGORITHMS", "KernelFit", "fit_kernel", "oversized_conv2d"]
