"""Counts of the segmenters of the papers' tables."""

import torch

from parcnet.base import UserError
from parcnet.models import Complexity, complexity
from parcnet.tasks.backbone import build_backbone
from parcnet.tasks.segmentation import segmenter
from parcnet_lab.paper.printed import PrintedNetwork

ADE20K_CLASSES = 150
SIZE = (512, 2048)
"""Height and width in px, which the tables' captions write (2048, 512)."""


def segmenter_counts(subject: PrintedNetwork) -> Complexity | None:
    """UperNet on the network, for ADE20K's 150 classes: parameters with the auxiliary head, multiply-adds without it.

    The papers count likewise, since the auxiliary head is only used in training. None for a network without maps of
    strides 4 to 32, for which the papers use adapters of their own.
    """
    assert subject.network is not None, subject.absent
    arguments: dict[str, object] = {"img_size": SIZE} if subject.sized else {}
    if subject.kernel_fit is not None:
        arguments["kernel_fit"] = subject.kernel_fit
    with torch.device("meta"):
        try:
            backbone = build_backbone(subject.network, arguments)
        except UserError:
            return None
        return complexity(segmenter(backbone, ADE20K_CLASSES), (3, *SIZE))
