"""Detection and instance segmentation: the detector, the sizes it learns from, and what it reports."""

from dataclasses import dataclass
from typing import Literal

from parcnet.recipes import TaskSection
from parcnet.recipes.expecting import expect
from parcnet.tasks.whole_image_fields import WHOLE_IMAGE_FIELDS


@dataclass(frozen=True, slots=True)
class DetectionSettings:
    """A detector over the network's feature maps; the defaults are those of the published Mask R-CNN recipes."""

    detector: Literal["mask_rcnn", "cascade_mask_rcnn"] = "mask_rcnn"
    """One stage of boxes and masks, or three at overlaps of .5, .6 and .7, each refining the one before."""
    box_head: Literal["2fc", "4conv1fc"] = "2fc"
    """Two linear layers; or four convolutions with batch norm (SyncBN on several GPUs) and one linear layer."""
    box_loss: Literal["smooth_l1", "giou"] = "smooth_l1"
    """Of box deltas; or 10 (1 - GIoU) of the boxes themselves."""
    class_agnostic: bool | None = None
    """One box a region instead of one for each class. None: for cascade_mask_rcnn, whose regions move on."""
    short_side: int = 800
    """Evaluation: px to which the shorter side of an image is resized, unless the longer one would exceed long_side."""
    long_side: int = 1333
    """Largest longer side, px; in training too."""
    resize_policy: Literal["two_policies", "resize"] = "two_policies"
    """Training: short sides of 480 to 800 px, and half of the time a crop before (400/500/600, 384 to 600 px, again
    480 to 800); or no crop."""
    train_short_sides: tuple[int, int] = (480, 800)
    """Training: smallest and largest short side, px; those between in steps of 32."""
    photometric_distortion: bool = False
    """Training: brightness, contrast, saturation and hue change at random; not in the published recipes."""
    empty_images: bool = False
    """Training: keep images without instances; the published recipes leave them out."""
    group_by_aspect: bool = True
    """Training: upright images share batches, so that little is padded."""
    mask_padding: bool = False
    """Keep what pads images of several sizes out of convolutions; kernels as long as the map would see it."""
    anchor_scale: float = 1.0
    """Factor on the anchors' sides, which are 32 to 512 px."""
    regions: int = 512
    """Regions of an image that a stage learns from."""
    score_threshold: float = 0.05
    """Detections below this score are not reported."""
    detections: int = 100
    """Most detections of an image."""

    def __post_init__(self) -> None:
        ordered = 1 <= self.short_side <= self.long_side
        expect(ordered, "short_side", self.short_side, f"at least 1 px and at most long_side ({self.long_side})")
        sides = self.train_short_sides
        expect(1 <= sides[0] <= sides[1], "train_short_sides", sides, "two sides in px, the smaller first")
        expect(0 < self.anchor_scale < float("inf"), "anchor_scale", self.anchor_scale, "a factor above 0")
        expect(self.regions >= 8, "regions", self.regions, "at least 8")
        expect(0 <= self.score_threshold < 1, "score_threshold", self.score_threshold, "a score in [0, 1)")
        expect(self.detections >= 1, "detections", self.detections, "at least 1")


SECTION = TaskSection(DetectionSettings, WHOLE_IMAGE_FIELDS)
