"""Adapts modules for NCHW maps to networks whose channels are the last dimension."""

from torch import Tensor, nn


class LastChannels(nn.Module):
    """Applies a module for NCHW maps to maps [B, H, W, C] or tokens [B, N, C].

    The module gets a view: contiguous [B, H, W, C] is [B, C, H, W] in channels_last memory, so nothing is copied.
    Tokens become [B, C, N, 1], which suits pointwise modules.

    Shapes: [B, H, W, C] -> [B, H, W, C]; [B, N, C] -> [B, N, C].
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 4:
            return self.module(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return self.module(x.transpose(1, 2).unsqueeze(3)).squeeze(3).transpose(1, 2)
