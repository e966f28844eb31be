"""Parameters and multiply-adds, counted as the papers count them."""

import copy
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True, slots=True)
class Complexity:
    """Size of a network and cost of one image."""

    params: int
    macs: int
    """Multiply-adds of convolutions and matrix products; taps on the padding count too."""


def complexity(model: nn.Module, input_size: tuple[int, int, int]) -> Complexity:
    """Count `model` on one image of `input_size` (channels, height, width in px), on the meta device.

    Equals the printed digits of ICCV 2023, Tabs. 1 and 2, at (3, 224, 224). The count is independent of the algorithm
    that a device would choose: on the meta device "auto" is "conv".
    """
    meta = copy.deepcopy(model).to("meta").eval()
    image = torch.empty(1, *input_size, dtype=next(model.parameters()).dtype, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        meta(image)
    return Complexity(sum(p.numel() for p in model.parameters()), counter.get_total_flops() // 2)
