"""The spatial bifurcate gate unit of the arXiv version."""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.layers.init import init_projection
from parcnet.layers.local_global_split import LocalGlobalSplit
from parcnet.layers.options import check_option

SplitGate = Literal["multiply", "none"]
"""As `Gate`; the arXiv version has no row that adds the branches."""


class SplitSpatialBGU(nn.Module):
    """A ParC branch and a gate with GELU (arXiv v1, Sec. 3.2).

        y = PWConv_2(ParC(x) * GELU(PWConv_1(x)))

    ParC is a `LocalGlobalSplit`. With gate "none" the same convolutions are in series (Tab. 1 row 4, which prints the
    parameters of the gated unit but not their arrangement): y = PWConv_2(GELU(PWConv_1(ParC(x)))).

    Shapes: [B, C, H, W] -> [B, C, H, W].
    """

    def __init__(
        self,
        channels: int,
        map_size: int | tuple[int, int],
        *,
        ratio: float,
        gate: SplitGate = "multiply",
        local_kernel: int = 7,
        kernel_fit: str = "interpolate",
        algorithm: str = "auto",
    ) -> None:
        super().__init__()
        check_option("gate", gate, SplitGate)
        self.gated = gate == "multiply"
        self.project_gate = nn.Conv2d(channels, channels, 1)
        self.mix = LocalGlobalSplit(
            channels, map_size, ratio=ratio, local_kernel=local_kernel, kernel_fit=kernel_fit, algorithm=algorithm
        )
        self.project_out = nn.Conv2d(channels, channels, 1)
        init_projection(self.project_gate)
        init_projection(self.project_out)

    def forward(self, x: Tensor) -> Tensor:
        mixed = self.mix(x)
        hidden = F.gelu(self.project_gate(x if self.gated else mixed))
        return self.project_out(mixed * hidden if self.gated else hidden)
