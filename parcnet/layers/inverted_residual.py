"""Convolution, batch norm and activation, and MobileNetV2's block of three of them."""

from collections import OrderedDict

from timm.layers import DropPath
from torch import Tensor, nn


def conv_norm(
    in_channels: int, channels: int, kernel_size: int, *, stride: int = 1, groups: int = 1, activation: bool = True
) -> nn.Sequential:
    """Convolution without bias, "same" padding at stride 1, then batch norm and, with `activation`, SiLU.

    Initialised as in ParC-Net: Kaiming normal, fan-out.
    """
    conv = nn.Conv2d(
        in_channels, channels, kernel_size, stride=stride, padding=kernel_size // 2, groups=groups, bias=False
    )
    nn.init.kaiming_normal_(conv.weight, mode="fan_out")
    parts: dict[str, nn.Module] = {"conv": conv, "norm": nn.BatchNorm2d(channels)}
    if activation:
        parts["act"] = nn.SiLU()
    return nn.Sequential(OrderedDict(parts))


class InvertedResidual(nn.Module):
    """MobileNetV2's block (arXiv 1801.04381, Fig. 4b): 1x1 to `expansion` times the width, 3x3 depthwise, 1x1 back.

        y = project(depthwise(expand(x)))      x + drop_path(y) at stride 1 with equal widths

    Shapes: [B, C, H, W] -> [B, C', H, W], or [B, C', (H+1)//2, (W+1)//2] with stride 2.
    """

    def __init__(
        self, in_channels: int, channels: int, *, stride: int = 1, expansion: int = 4, drop_path: float = 0.0
    ) -> None:
        super().__init__()
        hidden = expansion * in_channels
        self.expand = conv_norm(in_channels, hidden, 1)
        self.depthwise = conv_norm(hidden, hidden, 3, stride=stride, groups=hidden)
        self.project = conv_norm(hidden, channels, 1, activation=False)
        self.residual = stride == 1 and in_channels == channels
        self.drop_path = DropPath(drop_path) if drop_path and self.residual else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + self.drop_path(y) if self.residual else y
