"""Recipe section of semantic segmentation: decoder, training crops and inference."""

from dataclasses import dataclass
from typing import Annotated, Literal

from parcnet.recipes import TaskSection
from parcnet.recipes.expecting import expect
from parcnet.recipes.ranges import PIXELS, Range, check_ranges
from parcnet.tasks.whole_image_fields import WHOLE_IMAGE_FIELDS


@dataclass(frozen=True, slots=True)
class SegmentationSettings:
    """UperNet over the network's feature maps; the defaults are those of the published ADE20K recipes."""

    decoder_channels: Annotated[int, Range(1, 65_536)] = 512
    """Channels of UperNet's pyramid pooling and feature pyramid."""
    decoder_dropout: Annotated[float, Range(0, 1, below=True)] = 0.1
    """Dropout rate of channels before each pixel classifier."""
    auxiliary_channels: Annotated[int, Range(1, 65_536)] = 256
    """Channels of the auxiliary head on the map of stride 16, used only in training."""
    auxiliary_weight: Annotated[float, Range(0, 1000)] = 0.4
    """Weight of the auxiliary loss; 0: no auxiliary head."""
    crop_size: Annotated[tuple[int, int], Range(1, PIXELS, "px")] = (512, 512)
    """Height and width in px of training crops and of sliding windows."""
    resize_to: Annotated[tuple[int, int], Range(1, PIXELS, "px")] = (512, 2048)
    """Largest short and long side in px, to which images are resized keeping their aspect ratio."""
    resize_range: Annotated[tuple[float, float], Range(0.01, 100)] = (0.5, 2.0)
    """Training: smallest and largest random factor on resize_to."""
    category_limit: Annotated[float, Range(0, 1, above=True)] = 0.75
    """Training: a crop in which one class covers more than this fraction is drawn again, up to ten times."""
    photometric: bool = True
    """Training: random changes of brightness, contrast, saturation and hue."""
    reduce_zero_label: bool = False
    """Ignore label 0 and reduce every other label by one, as for ADE20K."""
    inference: Literal["whole", "slide"] = "slide"
    """Predict the whole resized image, or overlapping windows of crop_size whose logits are averaged."""
    stride: Annotated[tuple[int, int], Range(1, PIXELS, "px")] = (341, 341)
    """Stride of the windows in px, at most crop_size."""

    def __post_init__(self) -> None:
        check_ranges(self)
        sides = self.resize_to[0] <= self.resize_to[1]
        expect(sides, "resize_to", self.resize_to, "short and long side in px, the smaller first")
        factors = self.resize_range[0] <= self.resize_range[1]
        expect(factors, "resize_range", self.resize_range, "two factors, the smaller first")
        covers = all(step <= side for step, side in zip(self.stride, self.crop_size, strict=True))
        expect(covers, "stride", self.stride, f"1 px to crop_size {self.crop_size}, so that windows leave no gap")


SECTION = TaskSection(SegmentationSettings, WHOLE_IMAGE_FIELDS)
