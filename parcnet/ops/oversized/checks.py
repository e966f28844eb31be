"""Validation of the operators' inputs."""

from torch import Tensor


def check(x: Tensor, kernel_h: Tensor, kernel_w: Tensor) -> None:
    """Raises ValueError naming the value, the expectation and the remedy unless these can be convolved."""
    check_map(x)
    for name, kernel, size in (("kernel_h", kernel_h, x.shape[2]), ("kernel_w", kernel_w, x.shape[3])):
        check_kernel(name, kernel, x)
        taps = kernel.shape[1]
        if taps % 2 == 0 or taps > 2 * size - 1:
            raise ValueError(
                f"{name} has {taps} taps: expected an odd number, at most {2 * size - 1} for a map of {size}; "
                f"fit_kernel({name}, {2 * size - 1}) resizes it"
            )


def check_map(x: Tensor) -> None:
    """Raises ValueError unless `x` is a map [B, C, H, W] of at least one channel and one pixel."""
    if x.dim() != 4:
        raise ValueError(f"x is [batch, channels, height, width], got shape {tuple(x.shape)}")
    if not x.is_floating_point():
        raise ValueError(f"x is {x.dtype}: expected a floating-point dtype, as x.float() gives")
    if x.shape[1] < 1:
        raise ValueError(f"x has {x.shape[1]} channels: expected at least 1")
    if x.shape[2] < 1 or x.shape[3] < 1:
        raise ValueError(f"the map has size {x.shape[2]}x{x.shape[3]}: height and width must be at least 1")


def check_kernel(name: str, kernel: Tensor, x: Tensor) -> None:
    """Raises ValueError unless `kernel` is [C, taps] with the channels, device and dtype of `x`."""
    if kernel.dim() != 2 or kernel.shape[0] != x.shape[1]:
        raise ValueError(f"{name} is [channels, taps] with {x.shape[1]} channels, got shape {tuple(kernel.shape)}")
    if kernel.device != x.device:
        raise ValueError(f"{name} is on {kernel.device}, x on {x.device}: move one of them")
    if kernel.dtype != x.dtype:
        raise ValueError(f"{name} is {kernel.dtype}, x is {x.dtype}: convert one, or run under torch.autocast")
