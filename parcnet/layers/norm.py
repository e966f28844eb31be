"""The norm of ParCNetV2's blocks."""

from timm.layers import LayerNorm2d
from torch import nn


class BiasFreeLayerNorm2d(LayerNorm2d):
    """LayerNorm over the channels of an NCHW map, without bias; the initial weight is 1/sqrt(C).

        y[c] = weight[c] (x[c] - mean(x)) / sqrt(var(x) + eps)

    The release divides by the L2 norm of the centred vector instead of its standard deviation, which is this LayerNorm
    times 1/sqrt(C). The initial weight makes an untrained network equal to the release's, whose residual branches are
    small at first.
    """

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__(channels, eps=eps, bias=False)

    def reset_parameters(self) -> None:
        nn.init.constant_(self.weight, self.normalized_shape[0] ** -0.5)
