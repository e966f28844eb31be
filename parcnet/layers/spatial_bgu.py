"""The spatial bifurcate gate unit: token mixing under a gate."""

from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.layers.init import init_projection
from parcnet.layers.local_global_conv import LocalGlobalConv


class SpatialBGU(nn.Module):
    """One branch gathers spatial context, the other gates it (ICCV 2023, Sec. 3.2 and Fig. 5).

        gate, feature = split(W_in x + b)      y = W_out (gate * LocalGlobalConv(GELU(feature)))

    One 1x1 convolution makes both branches: its first C outputs are the gate, which has no activation, its last C the
    feature. (The arXiv-v1 text puts the GELU on the gate.)

    Shapes: [B, C, H, W] -> [B, C, H, W].
    """

    def __init__(
        self,
        channels: int,
        map_size: int | tuple[int, int],
        *,
        local_kernel: int = 7,
        kernel_fit: str = "interpolate",
        algorithm: str = "auto",
    ) -> None:
        super().__init__()
        self.project_in = nn.Conv2d(channels, 2 * channels, 1)
        self.mix = LocalGlobalConv(
            channels, map_size, local_kernel=local_kernel, kernel_fit=kernel_fit, algorithm=algorithm
        )
        self.project_out = nn.Conv2d(channels, channels, 1, bias=False)
        init_projection(self.project_in)
        init_projection(self.project_out)

    def forward(self, x: Tensor) -> Tensor:
        gate, feature = self.project_in(x).chunk(2, dim=1)
        return self.project_out(gate * self.mix(F.gelu(feature)))
