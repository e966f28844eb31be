"""Recipe section of detection: detector, image sizes, sampling and reported detections."""

from dataclasses import dataclass
from typing import Literal

from parcnet.recipes import TaskSection
from parcnet.recipes.expecting import expect
from parcnet.tasks.whole_image_fields import WHOLE_IMAGE_FIELDS


@dataclass(frozen=True, slots=True)
class DetectionSettings:
    """A detector over the network's feature maps; the defaults are those of the published Mask R-CNN recipes."""

    detector: Literal["mask_rcnn", "cascade_mask_rcnn"] = "mask_rcnn"
    """Mask R-CNN, or Cascade Mask R-CNN with three stages at IoU .5, .6 and .7."""
    box_head: Literal["2fc", "4conv1fc"] = "2fc"
    """Two linear layers; or four convolutions with batch norm (SyncBN on several GPUs) and one linear layer."""
    box_loss: Literal["smooth_l1", "giou"] = "smooth_l1"
    """Smooth L1 of the box deltas, or 10 (1 - GIoU) of the boxes."""
    class_agnostic: bool | None = None
    """One box per region instead of one per class. None: only for cascade_mask_rcnn."""
    short_side: int = 800
    """Evaluation: shorter side of resized images in px, less if the longer side would exceed long_side."""
    long_side: int = 1333
    """Largest longer side in px, also in training."""
    resize_policy: Literal["two_policies", "resize"] = "two_policies"
    """Training: two_policies crops half of the images before resizing (shorter side 400, 500 or 600 px, crop of 384 to
    600 px per side, shorter side in train_short_sides); resize never crops."""
    train_short_sides: tuple[int, int] = (480, 800)
    """Training: smallest and largest shorter side in px; drawn in steps of 32."""
    photometric_distortion: bool = False
    """Training: random changes of brightness, contrast, saturation and hue; not in the published recipes."""
    empty_images: bool = False
    """Training: include images without instances; the published recipes do not."""
    max_bad_annotations: int = 0
    """Annotations of a file that may be left out because they are not finite, bounded and consistent; more are an
    error that names them."""
    group_by_aspect: bool = True
    """Training: group images by aspect ratio (upright or not), which reduces padding."""
    mask_padding: bool = False
    """Mask the padding of batches before every convolution, since global kernels would carry it into the images."""
    anchor_scale: float = 1.0
    """Factor on the anchor sides, which are 32 to 512 px."""
    regions: int = 512
    """Regions sampled per image and stage in training."""
    score_threshold: float = 0.05
    """Score below which detections are discarded."""
    detections: int = 100
    """Largest number of detections per image."""

    def __post_init__(self) -> None:
        ordered = 1 <= self.short_side <= self.long_side
        expect(ordered, "short_side", self.short_side, f"at least 1 px and at most long_side ({self.long_side})")
        sides = self.train_short_sides
        expect(1 <= sides[0] <= sides[1], "train_short_sides", sides, "two sides in px, the smaller first")
        expect(0 < self.anchor_scale < float("inf"), "anchor_scale", self.anchor_scale, "a factor above 0")
        bad = self.max_bad_annotations
        expect(bad >= 0, "max_bad_annotations", bad, "0 or more")
        expect(self.regions >= 8, "regions", self.regions, "at least 8")
        expect(0 <= self.score_threshold < 1, "score_threshold", self.score_threshold, "a score in [0, 1)")
        expect(self.detections >= 1, "detections", self.detections, "at least 1")


SECTION = TaskSection(DetectionSettings, WHOLE_IMAGE_FIELDS)
