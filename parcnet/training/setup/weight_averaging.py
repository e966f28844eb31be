"""Exponential moving average of the weights, through timm."""

from timm.utils import ModelEmaV3
from torch import nn


def create_average(network: nn.Module, decay: float | None) -> ModelEmaV3 | None:
    """A copy of `network` for the moving average a_t of its weights w_t after step t = 1, 2, ...; None without decay.

        a_t = d_t a_{t-1} + (1 - d_t) w_t      d_t = min(decay, 1 - t^(-2/3))

    so a_1 = w_1: the decay warms up, because the average of a short run would otherwise include untrained weights.
    Floating-point buffers, such as BatchNorm statistics, are averaged too, the others copied. `update(network, t)`
    uses no random numbers (except for bfloat16 weights).
    """
    return None if decay is None else ModelEmaV3(network, decay=decay, use_warmup=True)
