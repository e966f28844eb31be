"""Modules for maps inside networks that keep their channels last."""

from torch import Tensor, nn


class LastChannels(nn.Module):
    """A module for maps, where channels come last: of maps [B, H, W, C] or of tokens [B, N, C].

    Maps are handed on as views: [B, H, W, C] in its usual memory is [B, C, H, W] in channels_last memory, so nothing is
    copied. Tokens are handed on as [B, C, N, 1], which serves modules that look at one place at a time.

    Shapes: [B, H, W, C] -> [B, H, W, C]; [B, N, C] -> [B, N, C].
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 4:
            return self.module(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return self.module(x.transpose(1, 2).unsqueeze(3)).squeeze(3).transpose(1, 2)
