"""The channel bifurcate gate unit: a gated feed-forward network."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.layers.feed_forward import hidden_width
from parcnet.layers.gated_gelu import gated_gelu
from parcnet.layers.init import init_projection
from parcnet.layers.options import Gate, check_option


def bgu_expansion(ffn_expansion: float) -> float:
    """The expansion at which a gated unit has the weights of a plain feed-forward network (supplement C, Eq. 3).

    A plain network of expansion a has 2 a C^2 weights, a gated one 3 a' C^2, hence a' = 2a/3: 8/3 for the usual 4. The
    published networks use 2.5.
    """
    return 2 * ffn_expansion / 3


class ChannelBGU(nn.Module):
    """A feed-forward network whose hidden layer is gated (ICCV 2023, Sec. 3.2 and Fig. 5).

        gate, feature = split(W_in x + b)      y = W_out (gate * GELU(feature))

    The hidden width is expansion * C, rounded to the nearest integer. The formula in both papers ends with a bias, but
    their counts and the released code have none: `out_bias` adds it. With gate "add" the branches are added
    (supplement, Tab. 3).

    Shapes: [B, C, H, W] -> [B, C, H, W].
    """

    def __init__(
        self, channels: int, *, expansion: float = 2.5, gate: Gate = "multiply", out_bias: bool = False
    ) -> None:
        super().__init__()
        check_option("gate", gate, Gate)
        if gate == "none":
            raise ValueError("gate is 'multiply' or 'add' in a gated unit, got 'none': use FeedForward instead")
        hidden = hidden_width(channels, expansion)
        self.additive = gate == "add"
        self.project_in = nn.Conv2d(channels, 2 * hidden, 1)
        self.project_out = nn.Conv2d(hidden, channels, 1, bias=out_bias)
        init_projection(self.project_in)
        init_projection(self.project_out)

    def forward(self, x: Tensor) -> Tensor:
        branches = self.project_in(x)
        if not (self.additive or torch.jit.is_scripting()):
            return self.project_out(gated_gelu(branches))
        gate, feature = branches.chunk(2, dim=1)
        feature = F.gelu(feature)
        return self.project_out(gate + feature if self.additive else gate * feature)
