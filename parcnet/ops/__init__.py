"""Pure functions on tensors: the operators of the ParCNet papers and the exact algorithms that compute them."""

from parcnet.ops.kernel_fit import KernelFit, fit_kernel
from parcnet.ops.oversized import ALGORITHMS, explain_choice, merge, oversized_conv2d

__all__ = ["ALGORITHMS", "KernelFit", "explain_choice", "fit_kernel", "merge", "oversized_conv2d"]
