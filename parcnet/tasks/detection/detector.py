"""The detector: images -> boxes, classes and masks."""

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
    """Images [3, H, W] of different sizes -> detections; in training, images and targets -> losses.

    In training mode images are not resized. In eval mode the shorter side is resized to `short_side` px, or less if the
    longer side would exceed `long_side` px, and boxes and masks are mapped back to the original size.

    A detection holds, in descending order of the scores: boxes [N, 4] (x1, y1, x2, y2), scores [N], labels [N] (classes
    from 0), masks [N, 1, H, W] (probabilities).
    """

    task = "detection"
    """Name of the task, for `task_of_network`."""

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
        """Losses by name in training mode, to be summed; one detection per image in eval mode.

        Images are uint8 in [0, 255] or floats in [0, 1]; each target holds the tensors of a `Target`.
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
            parsed = [Target.of(each) for each in targets]
            shifted = [Target(each.boxes, each.labels + 1, each.masks) for each in parsed]
        boxes = None if shifted is None else [{"boxes": each.boxes, "labels": each.labels} for each in shifted]
        proposals, proposal_losses = self.rpn(batch, maps, boxes)
        detections, losses = self.roi_heads(maps, proposals, batch.image_sizes, shifted)
        if self.training:
            return {**losses, **proposal_losses}
        detections = self.transform.postprocess(detections, batch.image_sizes, original)
        return [{**each, "labels": each["labels"] - 1} for each in detections]

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Recompute the backbone's activations in the backward pass instead of storing them."""
        self.backbone.body.set_grad_checkpointing(enable)

    def no_weight_decay(self) -> set[str]:
        """Position embeddings, as in timm; biases and other 1-D parameters are excluded anyway."""
        return {name for name, _ in self.named_parameters() if name.endswith(_POSITIONS)}
