"""Predictors: callables from images to logits, which evaluation and `predict` take."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from parcnet.base import to_device
from parcnet.base.network_lock import network_lock
from parcnet.tasks.finite import check_finite

Predictor = Callable[[Any], Any]
"""Images [B, C, H, W] on the CPU -> logits [B, classes] on any device: a network, a checkpoint, an exported file.

Other tasks define their own input and output, e.g. a list of images of different sizes."""


@contextmanager
def torch_predictor(
    network: nn.Module, device: torch.device, dtype: torch.dtype | None = None, *, finite: bool = True
) -> Iterator[Predictor]:
    """Yields `network`, which is on `device`, as a predictor: eval mode, no gradients, channels_last.

    `dtype` is autocast's, None for off. With `finite`, outputs with NaN or infinity are a `UserError`. Other threads
    that borrow the network wait for the block. The modes of all modules are restored afterwards, also on exceptions.
    """

    def predict(images: Any) -> Any:
        images = to_device(images, device)
        with torch.inference_mode(), torch.autocast(device.type, dtype, enabled=dtype is not None):
            outputs = network(images)
        if finite:
            check_finite(outputs, "the network")
        return outputs

    with network_lock(network):
        training = {module: module.training for module in network.modules()}
        network.eval()
        try:
            yield predict
        finally:
            for module, mode in training.items():
                module.training = mode
