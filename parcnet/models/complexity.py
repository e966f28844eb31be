"""Parameters and multiply-adds, counted as the papers count them."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True, slots=True)
class Complexity:
    """Size of a network and cost of one image."""

    params: int
    macs: int
    """Multiply-adds of convolutions and matrix products; every tap of a kernel counts, also where it meets padding."""


def complexity(model: nn.Module, input_size: tuple[int, int, int]) -> Complexity:
    """Count `model` on one image of `input_size` (channels, height, width in px).

    Costs nothing for a model on the meta device; elsewhere one forward pass. Equals the printed digits of ICCV 2023,
    Tabs. 1 and 2, at (3, 224, 224). A network that chooses "matmul" is counted at its own, smaller cost.
    """
    weight = next(model.parameters())
    image = torch.zeros(1, *input_size, dtype=weight.dtype, device=weight.device)
    training = model.training
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            model.eval()(image)
    finally:
        model.train(training)
    return Complexity(sum(p.numel() for p in model.parameters()), counter.get_total_flops() // 2)
