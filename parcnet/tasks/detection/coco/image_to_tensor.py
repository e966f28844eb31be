"""The evaluation transform of detection."""

from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from parcnet.data.preprocessing import JointTransform
from parcnet.tasks.detection.coco.instances import Instances


class ImageToTensor(JointTransform):
    """An image of any mode -> uint8 [3, H, W] at its original size; the detector resizes it and maps boxes back."""

    def __call__(self, image: Image.Image, target: Instances) -> tuple[Tensor, Instances]:
        return F.pil_to_tensor(image), target
