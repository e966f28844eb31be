"""Residual scaling."""

import torch
from torch import Tensor, nn


class ResScale(nn.Module):
    """A learnable factor for each channel of the *shortcut*, initially 1: x -> scale * x (ICCV 2023, Sec. 4.1).

    ParCNetV2 uses it in stages 3 and 4 instead of LayerScale, which scales the branch.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale[:, None, None]
