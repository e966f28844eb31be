"""Images with boxes and masks in COCO's JSON format."""

from parcnet.tasks.detection.coco.augmentation import DetectionAugmentation, Policy
from parcnet.tasks.detection.coco.codec import decode, encode
from parcnet.tasks.detection.coco.image_to_tensor import ImageToTensor
from parcnet.tasks.detection.coco.images import CocoImages, has_coco_split, open_coco
from parcnet.tasks.detection.coco.instances import Instances
from parcnet.tasks.detection.coco.masks import CroppedMasks
from parcnet.tasks.detection.coco.targets import Target

__all__ = [
    "CocoImages",
    "CroppedMasks",
    "DetectionAugmentation",
    "ImageToTensor",
    "Instances",
    "Policy",
    "Target",
    "decode",
    "encode",
    "has_coco_split",
    "open_coco",
]
