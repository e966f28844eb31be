"""The plain feed-forward network, which the channel BGU replaces."""

from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.layers.init import init_projection


def hidden_width(channels: int, expansion: float) -> int:
    """expansion * channels, rounded to the nearest integer. Raises ValueError where that is 0."""
    hidden = round(expansion * channels)
    if hidden < 1:
        raise ValueError(
            f"expansion {expansion} of {channels} channels leaves no hidden channel: expected a larger one"
        )
    return hidden


class FeedForward(nn.Module):
    """Two 1x1 convolutions and a GELU between them (ICCV 2023, Sec. 3.2).

        y = W_out GELU(W_in x + b_in) + b_out

    The hidden width is expansion * C, rounded to the nearest integer; without `out_bias` there is no b_out, as in
    the gated unit.

    Shapes: [B, C, H, W] -> [B, C, H, W].
    """

    def __init__(self, channels: int, *, expansion: float = 4.0, out_bias: bool = True) -> None:
        super().__init__()
        hidden = hidden_width(channels, expansion)
        self.project_in = nn.Conv2d(channels, hidden, 1)
        self.project_out = nn.Conv2d(hidden, channels, 1, bias=out_bias)
        init_projection(self.project_in)
        init_projection(self.project_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.project_out(F.gelu(self.project_in(x)))
