"""What can be evaluated: anything that takes images to logits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

Predictor = Callable[[Tensor], Tensor]
"""Images [B, C, H, W] on the CPU -> logits [B, classes] on any device: a network, a checkpoint, an exported file."""


@contextmanager
def torch_predictor(network: nn.Module, device: torch.device, dtype: torch.dtype | None = None) -> Iterator[Predictor]:
    """Lends `network`, which is on `device`, as a predictor: eval mode, no gradients, channels_last.

    `dtype` is that of autocast, None for off. The modes of all modules are put back afterwards, also on exceptions.
    """
    training = {module: module.training for module in network.modules()}

    def predict(images: Tensor) -> Tensor:
        images = images.to(device, memory_format=torch.channels_last, non_blocking=True)
        with torch.inference_mode(), torch.autocast(device.type, dtype, enabled=dtype is not None):
            return network(images)

    network.eval()
    try:
        yield predict
    finally:
        for module, mode in training.items():
            module.training = mode
