"""The combinations of local and oversized convolution that the papers compare."""

from collections import OrderedDict

from timm.layers import to_2tuple
from torch import nn

from parcnet.layers.init import init_projection
from parcnet.layers.local_global_conv import LocalGlobalConv, depthwise_conv
from parcnet.layers.options import Mix, check_option
from parcnet.layers.oversized_conv import OversizedConv2d
from parcnet.layers.oversized_conv1d import OversizedConv1d


def token_mix(
    channels: int,
    map_size: int | tuple[int, int],
    mix: Mix = "parallel",
    *,
    local_kernel: int = 7,
    local_bias: bool = False,
    kernel_fit: str = "interpolate",
    algorithm: str = "auto",
) -> nn.Module:
    """The depthwise part of the block: DW is the local convolution, V and H the vertical and horizontal oversized ones.

        parallel        DW(x) + H(V(x))    `LocalGlobalConv`, the published network
        local           DW(x)              no oversized convolution (ICCV 2023, Tab. 6 row 1)
        local_first     H(V(DW(x)))        supplement, Tab. 2: DWConv-Vertical 1D-Horizontal 1D
        local_between   H(DW(V(x)))        Vertical 1D-DWConv-Horizontal 1D; ignores `algorithm`
        local_last      DW(H(V(x)))        Vertical 1D-Horizontal 1D-DWConv

    A cascade has no norm or activation between its convolutions: the paper mentions none.

    Shapes: [B, C, H, W] -> [B, C, H, W].
    """
    check_option("mix", mix, Mix)
    if mix == "parallel":
        return LocalGlobalConv(
            channels,
            map_size,
            local_kernel=local_kernel,
            local_bias=local_bias,
            kernel_fit=kernel_fit,
            algorithm=algorithm,
        )
    local = depthwise_conv(channels, local_kernel, bias=local_bias)
    init_projection(local)
    if mix == "local":
        return nn.Sequential(OrderedDict(local=local))
    if mix == "local_between":
        height, width = to_2tuple(map_size)
        vertical = OversizedConv1d(channels, height, "h", kernel_fit=kernel_fit)
        horizontal = OversizedConv1d(channels, width, "w", kernel_fit=kernel_fit)
        return nn.Sequential(OrderedDict(vertical=vertical, local=local, horizontal=horizontal))
    oversized = OversizedConv2d(channels, map_size, kernel_fit=kernel_fit, algorithm=algorithm)
    if mix == "local_first":
        return nn.Sequential(OrderedDict(local=local, oversized=oversized))
    return nn.Sequential(OrderedDict(oversized=oversized, local=local))
