"""Builds the detectors by name."""

from collections.abc import Mapping, Sequence

from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.ops import MultiScaleRoIAlign

from parcnet.base import unknown
from parcnet.checkpoint import Metadata
from parcnet.tasks.backbone import Backbone, build_backbone
from parcnet.tasks.detection.cascade_heads import CASCADE, MASK_RCNN, CascadeRoIHeads, CascadeStage
from parcnet.tasks.detection.detector import Detector
from parcnet.tasks.detection.feature_pyramid import CHANNELS, LEVELS, PyramidBackbone
from parcnet.tasks.detection.losses import BoxLoss
from parcnet.tasks.detection.region_heads import REGION, BoxHead, Float32RPNHead, box_predictor, mask_head, region_head

DETECTORS: Mapping[str, Sequence[CascadeStage]] = {"mask_rcnn": MASK_RCNN, "cascade_mask_rcnn": CASCADE}
"""Name -> stages of the cascade; Mask R-CNN (arXiv 1703.06870) has one."""

_ANCHORS = (32, 64, 128, 256, 512)
"""Anchor sides in px at strides 4 to 64: eight times the stride."""


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
    """`detector`, one of `DETECTORS`, over the backbone's feature maps of strides 4, 8, 16 and 32.

    box_head        "2fc", or "4conv1fc" with BatchNorm, which training synchronises between GPUs.
    box_loss        "smooth_l1", or "giou" of decoded boxes, times 10.
    class_agnostic  whether a region has one box instead of one per class. None: only for Cascade R-CNN.
    anchor_scale    factor on the anchor sides, which are 32 to 512 px.
    regions         regions sampled per image and stage, at most a quarter of them positive; the proposal network
                    samples half as many anchors.
    mask_padding    keep the padding of a batch out of the feature maps; see `PaddingMask`.

    Everything else is as in the published configurations: anchor aspect ratios 1:2, 1:1, 2:1; 2,000 proposals (1,000
    for Mask R-CNN) in training and 1,000 in evaluation; non-maximum suppression at IoU .7 for proposals and .5 for
    detections. Raises `UserError` for an unknown name.
    """
    if detector not in DETECTORS:
        raise unknown("detector", detector, DETECTORS)
    stages = DETECTORS[detector]
    agnostic = len(stages) > 1 if class_agnostic is None else class_agnostic
    limits = (regions, score_threshold, detections)
    heads = [_stage_heads(stage, num_classes + 1, box_head, agnostic, *limits) for stage in stages]
    # beta of smooth L1: 1 in Cascade's configuration; Mask R-CNN's has plain L1, for which torchvision uses 1/9
    beta = 1.0 if len(stages) > 1 else 1 / 9
    return Detector(
        PyramidBackbone(backbone),
        _proposal_network(2000 if len(stages) > 1 else 1000, regions // 2, anchor_scale),
        CascadeRoIHeads(heads, stages, loss=box_loss, beta=beta),
        short_side=short_side,
        long_side=long_side,
        mean=mean,
        std=std,
        mask_padding=mask_padding,
    )


def detector_of(metadata: Metadata) -> Detector:
    """The detector that a checkpoint describes, randomly initialised."""
    backbone = build_backbone(metadata.model, dict(metadata.model_args))
    return build_detector(backbone=backbone, num_classes=len(metadata.classes), **metadata.task_args)


def _proposal_network(proposals: int, sampled_anchors: int, scale: float) -> RegionProposalNetwork:
    anchors = AnchorGenerator(tuple((side * scale,) for side in _ANCHORS), ((0.5, 1.0, 2.0),) * len(_ANCHORS))
    return RegionProposalNetwork(
        anchors,
        Float32RPNHead(CHANNELS, anchors.num_anchors_per_location()[0]),
        fg_iou_thresh=0.7,
        bg_iou_thresh=0.3,
        batch_size_per_image=sampled_anchors,
        positive_fraction=0.5,
        pre_nms_top_n={"training": 2000, "testing": 1000},
        post_nms_top_n={"training": proposals, "testing": 1000},
        nms_thresh=0.7,
    )


def _stage_heads(
    stage: CascadeStage,
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
