"""An exponential moving average of the weights, through timm."""

from timm.utils import ModelEmaV3
from torch import nn


def create_average(network: nn.Module, decay: float | None) -> ModelEmaV3 | None:
    """A copy of `network` that follows it; None for no decay. With the weights w_t after step t = 1, 2, ...

        a_t = d_t a_{t-1} + (1 - d_t) w_t      d_t = min(decay, 1 - t^(-2/3))

    so a_1 = w_1: the decay warms up, else a short run would average its untrained start. Buffers that are not whole
    numbers, such as BatchNorm's statistics, are averaged likewise, the others copied. `update(network, t)` is exact:
    it draws no random number (bfloat16 weights aside).
    """
    return None if decay is None else ModelEmaV3(network, decay=decay, use_warmup=True)
