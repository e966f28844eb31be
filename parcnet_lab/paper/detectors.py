"""Counts of the detectors of the papers' tables."""

import torch

from parcnet.base import UserError
from parcnet.models import Complexity
from parcnet.tasks.backbone import build_backbone
from parcnet.tasks.detection import build_detector
from parcnet.tasks.detection.complexity import detector_complexity
from parcnet_lab.paper.printed import PrintedNetwork

COCO_CLASSES = 80
SIZE = (800, 1280)
"""Height and width in px at which detectors are counted; the papers print none, this is the usual one."""


def detector(subject: PrintedNetwork) -> Complexity:
    """The detector on the network, named by the table's heading, for COCO's 80 classes on one image of `SIZE`.

    Heads as published: Mask R-CNN with two linear layers, Cascade with four convolutions and one, both with
    class-specific boxes: class-agnostic ones would leave Cascade 1M parameters short of its authors' figure.
    """
    assert subject.network is not None, subject.absent
    arguments: dict[str, object] = {"img_size": SIZE} if subject.sized else {}
    if subject.kernel_fit is not None:
        arguments["kernel_fit"] = subject.kernel_fit
    cascade = subject.group.startswith("Cascade")
    if not cascade and not subject.group.startswith("Mask R-CNN"):
        raise UserError(f"{subject.group!r} names no detector; expected Mask R-CNN or Cascade Mask R-CNN.")
    with torch.device("meta"):
        whole = build_detector(
            "cascade_mask_rcnn" if cascade else "mask_rcnn",
            build_backbone(subject.network, arguments),
            COCO_CLASSES,
            box_head="4conv1fc" if cascade else "2fc",
            class_agnostic=False,
        )
    return detector_complexity(whole, SIZE)
