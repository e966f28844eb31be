"""Images with boxes and masks, as COCO's JSON describes them."""

from parcnet.data.coco.augmentation import DetectionAugmentation, Policy
from parcnet.data.coco.codec import decode, encode
from parcnet.data.coco.images import CocoImages, has_coco_split, open_coco
from parcnet.data.coco.instances import Instances
from parcnet.data.coco.masks import BoxedMasks
from parcnet.data.coco.samples import AsItIs
from parcnet.data.coco.targets import Target

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
