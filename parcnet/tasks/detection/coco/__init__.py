"""Images with boxes and masks, as COCO's JSON describes them."""

from parcnet.tasks.detection.coco.augmentation import DetectionAugmentation, Policy
from parcnet.tasks.detection.coco.codec import decode, encode
from parcnet.tasks.detection.coco.images import CocoImages, has_coco_split, open_coco
from parcnet.tasks.detection.coco.instances import Instances
from parcnet.tasks.detection.coco.masks import BoxedMasks
from parcnet.tasks.detection.coco.samples import AsItIs
from parcnet.tasks.detection.coco.targets import Target

__all__ = [
    "AsItIs",
    "BoxedMasks",
    "CocoImages",
    "DetectionAugmentation",
    "Instances",
    "Policy",
    "Target",
    "decode",
    "encode",
    "has_coco_split",
    "open_coco",
]
