"""Images as they are, for evaluation."""

from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from parcnet.data.preprocessing import JointTransform
from parcnet.tasks.detection.coco.instances import Instances


class AsItIs(JointTransform):
    """An image of any mode -> uint8 [3, H, W]: the detector resizes it, since it has to find its way back."""

    def __call__(self, image: Image.Image, target: Instances) -> tuple[Tensor, Instances]:
        return F.pil_to_tensor(image), target
