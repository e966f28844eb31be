"""Ungated token mixing at the cost of the gated unit."""

from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.layers.init import init_projection
from parcnet.layers.options import Mix
from parcnet.layers.token_mix import token_mix


class SpatialSeries(nn.Module):
    """Three ungated 1x1 convolutions in series around the token mixing (ICCV 2023, Tab. 6 row 2).

        y = W_out GELU(W_mid mix(GELU(W_in x + b_in)) + b_mid)

    The paper prints the parameters and MACs of the gated unit for the row without a gate, which match three C x C
    convolutions; it does not specify their positions. Here the gate's convolution follows the mixing, with a GELU
    wherever two of them would otherwise be one linear map.

    Shapes: [B, C, H, W] -> [B, C, H, W].
    """

    def __init__(
        self,
        channels: int,
        map_size: int | tuple[int, int],
        *,
        mix: Mix = "parallel",
        local_kernel: int = 7,
        kernel_fit: str = "interpolate",
        algorithm: str = "auto",
    ) -> None:
        super().__init__()
        self.project_in = nn.Conv2d(channels, channels, 1)
        self.mix = token_mix(
            channels, map_size, mix, local_kernel=local_kernel, kernel_fit=kernel_fit, algorithm=algorithm
        )
        self.project_mid = nn.Conv2d(channels, channels, 1)
        self.project_out = nn.Conv2d(channels, channels, 1, bias=False)
        for projection in (self.project_in, self.project_mid, self.project_out):
            init_projection(projection)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mix(F.gelu(self.project_in(x)))
        return self.project_out(F.gelu(self.project_mid(x)))
