"""Local and oversized convolution on separate channels: the token mixing of the arXiv version."""

import torch
from torch import Tensor, nn

from parcnet.layers.init import init_projection
from parcnet.layers.local_global_conv import depthwise_conv
from parcnet.layers.oversized_conv import OversizedConv2d


class ChannelSplit(nn.Module):
    """The first `local_channels` through `local`, the rest through `oversized`, concatenated."""

    def __init__(self, local_channels: int, local: nn.Module, oversized: nn.Module) -> None:
        super().__init__()
        self.local_channels = local_channels
        self.local = local
        self.oversized = oversized

    def forward(self, x: Tensor) -> Tensor:
        local, rest = x[:, : self.local_channels], x[:, self.local_channels :]
        return torch.cat([self.local(local), self.oversized(rest)], dim=1)


class LocalGlobalSplit(nn.Module):
    """A ParC branch: local features, then a separable convolution, oversized on a fraction of the channels (arXiv v1).

        x* = DWConv(x)                                                    local_kernel x local_kernel
        y_local = Conv-W(Conv-H(x*[: (1-r) C]))                           each local_kernel long
        y_global = ParC-O-W(ParC-O-H(x*[(1-r) C :]))
        y = PWConv([y_local, y_global])

    r = `ratio`; r C is rounded to the nearest integer. r = 0 has no oversized and r = 1 no local separable convolution.
    The text specifies neither the local kernels' lengths (7 here) nor the biases (only the pointwise convolution's).

    Shapes: [B, C, H, W] -> [B, C, H, W].
    """

    def __init__(
        self,
        channels: int,
        map_size: int | tuple[int, int],
        *,
        ratio: float,
        local_kernel: int = 7,
        kernel_fit: str = "interpolate",
        algorithm: str = "auto",
    ) -> None:
        super().__init__()
        if not 0 <= ratio <= 1:
            raise ValueError(
                f"ratio, the fraction of channels with oversized convolutions, must be in [0, 1], got {ratio}"
            )
        oversized = round(ratio * channels)
        local = channels - oversized
        self.depthwise = depthwise_conv(channels, local_kernel)
        parts: list[nn.Module] = []
        if local:
            vertical = depthwise_conv(local, (local_kernel, 1))
            parts.append(nn.Sequential(vertical, depthwise_conv(local, (1, local_kernel))))
        if oversized:
            parts.append(OversizedConv2d(oversized, map_size, kernel_fit=kernel_fit, algorithm=algorithm))
        self.separable = ChannelSplit(local, *parts) if len(parts) == 2 else parts[0]
        self.project = nn.Conv2d(channels, channels, 1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                init_projection(layer)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(self.separable(self.depthwise(x)))
