"""Local and oversized convolution on a share of the channels each: the mixing of the arXiv version."""

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
    """A ParC branch: local cues, then a separable convolution, oversized on a share `ratio` of the channels (arXiv v1).

        x* = DWConv(x)                                                    local_kernel x local_kernel
        y_local = Conv-W(Conv-H(x*[: (1-r) C]))                           each local_kernel long
        y_global = ParC-O-W(ParC-O-H(x*[(1-r) C :]))
        y = PWConv([y_local, y_global])

    r C is rounded to the nearest whole number; r = 0 has no oversized and r = 1 no local separable convolution. The
    text gives neither the local kernels' lengths (7 here) nor the biases (the pointwise convolution alone has one).

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
            raise ValueError(f"ratio is the share of channels that see the whole map, from 0 to 1, got {ratio}")
        wide = round(ratio * channels)
        narrow = channels - wide
        self.depthwise = depthwise_conv(channels, local_kernel)
        parts: list[nn.Module] = []
        if narrow:
            vertical = depthwise_conv(narrow, (local_kernel, 1))
            parts.append(nn.Sequential(vertical, depthwise_conv(narrow, (1, local_kernel))))
        if wide:
            parts.append(OversizedConv2d(wide, map_size, kernel_fit=kernel_fit, algorithm=algorithm))
        self.separable = ChannelSplit(narrow, *parts) if len(parts) == 2 else parts[0]
        self.project = nn.Conv2d(channels, channels, 1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                init_projection(layer)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(self.separable(self.depthwise(x)))
