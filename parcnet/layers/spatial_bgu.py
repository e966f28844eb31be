"""The spatial bifurcate gate unit: gated token mixing."""

from typing import Any

import torch
import torch.fx
from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.layers.fused_mix import FUSED, gated_mix
from parcnet.layers.init import init_projection
from parcnet.layers.options import Gate, Mix, check_option
from parcnet.layers.token_mix import token_mix

torch.fx.wrap("gated_mix")  # one node of a traced graph, as the oversized convolution is


class SpatialBGU(nn.Module):
    """One branch aggregates spatial context, the other gates it (ICCV 2023, Sec. 3.2 and Fig. 5).

        gate, feature = split(W_in x + b)      y = W_out (gate * mix(GELU(feature)))

    One 1x1 convolution computes both branches: its first C outputs are the gate, which has no activation, its last C
    the feature. (In arXiv v1 the gate has the GELU: `SplitSpatialBGU`.) `mix` is an option of `token_mix`, by default
    the uniform local-global convolution; with gate "add" the branches are added (supplement, Tab. 3). `out_bias` adds a
    bias to W_out, as in `ChannelBGU`.

    `algorithm` is that of the oversized convolutions, or "fused": mix and gate in one Triton kernel, on GPUs. Where it
    is unavailable the forward pass raises RuntimeError with the reason. Scripted modules run unfused.

    Shapes: [B, C, H, W] -> [B, C, H, W].
    """

    def __init__(
        self,
        channels: int,
        map_size: int | tuple[int, int],
        *,
        mix: Mix = "parallel",
        gate: Gate = "multiply",
        local_kernel: int = 7,
        out_bias: bool = False,
        kernel_fit: str = "interpolate",
        algorithm: str = "auto",
    ) -> None:
        super().__init__()
        check_option("gate", gate, Gate)
        if gate == "none":
            raise ValueError("gate is 'multiply' or 'add' in a gated unit, got 'none': use SpatialSeries instead")
        self.additive = gate == "add"
        self.fused = algorithm == FUSED
        if self.fused and (self.additive or mix != "parallel"):
            raise ValueError(
                f"algorithm 'fused' supports mix 'parallel' and gate 'multiply', got {mix!r} and {gate!r}: use 'auto'"
            )
        self.project_in = nn.Conv2d(channels, 2 * channels, 1)
        self.mix = token_mix(
            channels,
            map_size,
            mix,
            local_kernel=local_kernel,
            kernel_fit=kernel_fit,
            algorithm="auto" if self.fused else algorithm,
        )
        self.project_out = nn.Conv2d(channels, channels, 1, bias=out_bias)
        init_projection(self.project_in)
        init_projection(self.project_out)

    def forward(self, x: Tensor) -> Tensor:
        gate, feature = self.project_in(x).chunk(2, dim=1)
        if self.fused and not torch.jit.is_scripting():
            mix: Any = self.mix
            oversized = mix.oversized
            kernels = (oversized.kernel_h, oversized.kernel_w, mix.local.weight)
            return self.project_out(gated_mix(F.gelu(feature), gate, *kernels, oversized.kernel_fit))
        mixed = self.mix(F.gelu(feature))
        return self.project_out(gate + mixed if self.additive else gate * mixed)
