"""Images to boxes, classes and masks."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from parcnet.tasks.detection.cascade_heads import CascadeRoIHeads
from parcnet.tasks.detection.coco import Target
from parcnet.tasks.detection.feature_pyramid import PyramidBackbone
from parcnet.tasks.detection.padding_mask import PaddingMask

_POSITIONS = ("relative_position_bias_table", "absolute_pos_embed", "pos_embed")


class Detector(nn.Module):
    """Images, each [3, H, W] and of its own size, to detections; with targets, in training, to losses.

    In training images come as large as the augmentation made them; in eval mode each is resized, its shorter side to
    `short_side` px unless that makes the longer one exceed `long_side`, and boxes and masks come back in its own px.

    A detection holds, the likeliest first: boxes [N, 4] (x1, y1, x2, y2), scores [N], labels [N] (classes from 0),
    masks [N, 1, H, W] as probabilities.
    """

    task = "detection"
    """Name of the task, for whoever is given the network alone."""

    def __init__(
        self,
        backbone: PyramidBackbone,
        rpn: RegionProposalNetwork,
        roi_heads: CascadeRoIHeads,
        *,
        short_side: int,
        long_side: int,
        mean: Sequence[float],
        std: Sequence[float],
        mask_padding: bool = False,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.rpn = rpn
        self.roi_heads = roi_heads
        self.transform = GeneralizedRCNNTransform(short_side, long_side, list(mean), list(std), _skip_resize=True)
        self.padding = PaddingMask()
        if mask_padding:
            self.padding.attach(backbone.body, type(backbone.body.net).__name__)

    def forward(
        self, images: Sequence[Tensor], targets: Sequence[Mapping[str, Tensor]] | None = None
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """Losses by name in training mode, their sum to be minimised; else a detection an image.

        Images are uint8 in [0, 255] or floats in [0, 1]; targets the tensors of a `Target` each.
        """
        images = [image / 255 if image.dtype == torch.uint8 else image for image in images]
        original = [(int(image.shape[-2]), int(image.shape[-1])) for image in images]
        batch, _ = self.transform(images)
        self.padding.set(batch.image_sizes, tuple(batch.tensors.shape[-2:]))
        maps = self.backbone(batch.tensors)
        shifted = None
        if self.training:
            assert targets is not None, "a detector in training mode needs targets"
            # torchvision's class 0 is background
            given = [Target.of(each) for each in targets]
            shifted = [Target(each.boxes, each.labels + 1, each.masks) for each in given]
        boxes = None if shifted is None else [{"boxes": each.boxes, "labels": each.labels} for each in shifted]
        proposals, proposal_losses = self.rpn(batch, maps, boxes)
        found, losses = self.roi_heads(maps, proposals, batch.image_sizes, shifted)
        if self.training:
            return {**losses, **proposal_losses}
        found = self.transform.postprocess(found, batch.image_sizes, original)
        return [{**each, "labels": each["labels"] - 1} for each in found]

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Recompute the backbone's maps in backward instead of keeping them."""
        self.backbone.body.set_grad_checkpointing(enable)

    def no_weight_decay(self) -> set[str]:
        """Positions, which timm's transformers leave out of weight decay too; 1-D parameters and biases anyway."""
        return {name for name, _ in self.named_parameters() if name.endswith(_POSITIONS)}
