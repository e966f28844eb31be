"""Detectors by name: which parts, how many stages."""

from collections.abc import Mapping, Sequence

from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.ops import MultiScaleRoIAlign

from parcnet.base import unknown
from parcnet.checkpoint import Metadata
from parcnet.tasks.backbone import Backbone, build_backbone
from parcnet.tasks.detection.cascade_heads import CASCADE, MASK_RCNN, CascadeRoIHeads, Stage
from parcnet.tasks.detection.detector import Detector
from parcnet.tasks.detection.feature_pyramid import CHANNELS, LEVELS, PyramidBackbone
from parcnet.tasks.detection.losses import BoxLoss
from parcnet.tasks.detection.region_heads import REGION, BoxHead, ExactRPNHead, box_predictor, mask_head, region_head

DETECTORS: Mapping[str, Sequence[Stage]] = {"mask_rcnn": MASK_RCNN, "cascade_mask_rcnn": CASCADE}
"""Name -> its stages: Mask R-CNN (arXiv 1703.06870) is a cascade of one."""

_ANCHORS = (32, 64, 128, 256, 512)
"""Sides in px at strides 4 to 64, eight strides each."""


def build_detector(
    detector: str,
    backbone: Backbone,
    num_classes: int,
    *,
    box_head: BoxHead = "2fc",
    box_loss: BoxLoss = "smooth_l1",
    class_agnostic: bool | None = None,
    short_side: int = 800,
    long_side: int = 1333,
    anchor_scale: float = 1.0,
    score_threshold: float = 0.05,
    detections: int = 100,
    regions: int = 512,
    mask_padding: bool = False,
    mean: Sequence[float] = IMAGENET_DEFAULT_MEAN,
    std: Sequence[float] = IMAGENET_DEFAULT_STD,
) -> Detector:
    """`detector`, one of `DETECTORS`, over the backbone's maps at strides 4, 8, 16 and 32, for `num_classes` classes.

    box_head        "2fc", or "4conv1fc" with batch norms, which the engine spreads over all GPUs (SyncBN).
    box_loss        "smooth_l1", or "giou" of decoded boxes, times 10.
    class_agnostic  one box a region, or one for each class. None: the first for Cascade, whose regions move on.
    anchor_scale    factor on the anchors' sides, 32 to 512 px.
    regions         of an image that a stage learns from, a quarter of them an instance's at most; the proposal network
                    learns from half as many anchors.
    mask_padding    keep what pads a batch out of the maps; see `PaddingMask`.

    Everything else is as in the published configurations: anchors 1:2, 1:1, 2:1; 2,000 proposals (1,000 for Mask R-CNN)
    in training and 1,000 after; non-maximum suppression at .7 for proposals and .5 for detections. Raises `UserError`
    for an unknown name.
    """
    if detector not in DETECTORS:
        raise unknown("detector", detector, DETECTORS)
    stages = DETECTORS[detector]
    agnostic = len(stages) > 1 if class_agnostic is None else class_agnostic
    limits = (regions, score_threshold, detections)
    heads = [_stage(stage, num_classes + 1, box_head, agnostic, *limits) for stage in stages]
    # Cascade's configuration has smooth L1 bend at 1, Mask R-CNN's is plain L1, which torchvision bends at 1/9
    beta = 1.0 if len(stages) > 1 else 1 / 9
    return Detector(
        PyramidBackbone(backbone),
        _proposals(2000 if len(stages) > 1 else 1000, regions // 2, anchor_scale),
        CascadeRoIHeads(heads, stages, loss=box_loss, beta=beta),
        short_side=short_side,
        long_side=long_side,
        mean=mean,
        std=std,
        mask_padding=mask_padding,
    )


def detector_of(metadata: Metadata) -> Detector:
    """A fresh detector as a checkpoint describes it."""
    backbone = build_backbone(metadata.model, dict(metadata.model_args))
    return build_detector(backbone=backbone, num_classes=len(metadata.classes), **metadata.task_args)


def _proposals(kept: int, anchors_learned: int, scale: float) -> RegionProposalNetwork:
    anchors = AnchorGenerator(tuple((side * scale,) for side in _ANCHORS), ((0.5, 1.0, 2.0),) * len(_ANCHORS))
    return RegionProposalNetwork(
        anchors,
        ExactRPNHead(CHANNELS, anchors.num_anchors_per_location()[0]),
        fg_iou_thresh=0.7,
        bg_iou_thresh=0.3,
        batch_size_per_image=anchors_learned,
        positive_fraction=0.5,
        pre_nms_top_n={"training": 2000, "testing": 1000},
        post_nms_top_n={"training": kept, "testing": 1000},
        nms_thresh=0.7,
    )


def _stage(
    stage: Stage,
    labels: int,
    head: BoxHead,
    class_agnostic: bool,
    regions: int,
    score_threshold: float,
    detections: int,
) -> RoIHeads:
    masks = mask_head(CHANNELS, labels)
    return RoIHeads(
        MultiScaleRoIAlign(list(LEVELS), REGION, 0),
        region_head(head, CHANNELS),
        box_predictor(labels, class_agnostic),
        stage.iou,
        stage.iou,
        regions,
        0.25,
        stage.weights,
        score_threshold,
        0.5,
        detections,
        mask_roi_pool=MultiScaleRoIAlign(list(LEVELS), 2 * REGION, 0),
        mask_head=masks[0],
        mask_predictor=masks[1],
    )
