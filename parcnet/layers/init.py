"""The release's initialisation of convolutions and linear layers."""

from torch import nn


def init_projection(layer: nn.Conv2d | nn.Linear) -> None:
    """Weights truncated normal of standard deviation 0.02, bias 0."""
    nn.init.trunc_normal_(layer.weight, std=0.02)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
