"""Parameters and multiply-adds of the rows of a table, counted on the meta device, without computing.

The papers' convention: a multiply-add is one operation; convolutions and matrix products count, those of attention
included; norms, activations, pooling and element-wise products do not.
"""

from collections.abc import Callable

import torch
from torch import nn

from parcnet.models import Complexity, build, complexity
from parcnet_lab.paper.detectors import detector
from parcnet_lab.paper.printed import PrintedNetwork
from parcnet_lab.paper.segmenters import segmenter_counts

Counter = Callable[[PrintedNetwork], Complexity | None]
"""None: the task's framework does not support this network."""

SIZES = {"segmentation": (512, 2048), "detection": (800, 1280)}
"""Height and width in px at which backbones are counted: those of the papers' segmentation tables, whose captions write
(2048, 512); the papers print no size for detection, 800 x 1280 is the usual one."""

_NOT_BUILT = "needs {task}, not built yet"


def classifier(subject: PrintedNetwork) -> Complexity:
    """The network with its head of 1000 classes, on one image of the size that its paper used."""
    return complexity(network(subject), (3, subject.size, subject.size))


COUNTERS: dict[str, Counter] = {
    "configuration": classifier,
    "classification": classifier,
    "detection": detector,
    "segmentation": segmenter_counts,
}
"""Task -> the function that counts the whole network of a row."""


def missing(task: str) -> str | None:
    """Why the whole networks of a task cannot be counted, or None where they can."""
    return None if task in COUNTERS else _NOT_BUILT.format(task=task)


def backbone(subject: PrintedNetwork, size: tuple[int, int]) -> Complexity:
    """The network without its classifier, on one image of `size` (height, width)."""
    return complexity(network(subject, num_classes=0, size=size), (3, *size))


def blocks(model: nn.Module, stage: int) -> list[nn.Module]:
    """The blocks of a stage, from 0, of a network of ours."""
    return list(model.get_submodule(f"stages.{stage}.blocks").children())


def network(subject: PrintedNetwork, num_classes: int = 1000, size: tuple[int, int] | None = None) -> nn.Module:
    """The network on the meta device, for images of `size` where that is not its own.

    Raises `UserError` for a network that is not registered.
    """
    assert subject.network is not None, subject.absent
    arguments: dict[str, object] = {}
    if size is not None and subject.sized:
        arguments["img_size"] = size
    if size is not None and subject.kernel_fit is not None:
        arguments["kernel_fit"] = subject.kernel_fit
    with torch.device("meta"):
        return build(subject.network, num_classes=num_classes, **arguments)
