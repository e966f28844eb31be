"""Cascade R-CNN's heads (arXiv 1712.00726): each stage starts from the boxes of the one before; one is Mask R-CNN."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.ops import clip_boxes_to_image

from parcnet.tasks.detection.coco import Target
from parcnet.tasks.detection.losses import BoxLoss, box_loss, mask_loss, mask_targets
from parcnet.tasks.detection.region_heads import own_box

Maps = dict[str, Tensor]
Sizes = Sequence[tuple[int, int]]

MASK_SIDE = 28


@dataclass(frozen=True, slots=True)
class Stage:
    """What distinguishes the stages."""

    iou: float
    """A region is an instance's from this overlap on."""
    weights: tuple[float, float, float, float]
    """Of the box coder for x, y, w, h: one over the standard deviations that deltas are divided by."""
    loss_weight: float = 1.0


MASK_RCNN = (Stage(0.5, (10.0, 10.0, 5.0, 5.0)),)
CASCADE = (
    Stage(0.5, (10.0, 10.0, 5.0, 5.0), 1.0),
    Stage(0.6, (20.0, 20.0, 10.0, 10.0), 0.5),
    Stage(0.7, (30.0, 30.0, 15.0, 15.0), 0.25),
)
"""arXiv 1712.00726, Sec. 4 and the published configurations (their standard deviations: .1 .05 .033, .2 .1 .067)."""


class Sampled(NamedTuple):
    """The regions of one image that a stage learns from."""

    boxes: Tensor
    """[N, 4]"""
    labels: Tensor
    """[N], 0 for background."""
    matched: Tensor
    """[N] indices of instances; of any for background."""
    proposed: Tensor
    """[N] bool: not an instance's own box."""


class CascadeRoIHeads(nn.Module):
    """torchvision's `RoIHeads`, one a stage, each refining the boxes of the stage before.

    Training: every stage adds the instances' own boxes, assigns by its IoU, samples regions, and adds its losses times
    its weight; the next stage gets the sampled regions, refined and without the instances' own boxes. Inference:

        scores = softmax(mean of the stages' logits)    boxes = the last stage's    masks = mean of the stages'

    as in the framework of the published numbers (the last stage's boxes, the mean of logits and of mask probabilities).
    """

    def __init__(
        self, heads: Sequence[RoIHeads], stages: Sequence[Stage], *, loss: BoxLoss = "smooth_l1", beta: float = 1.0
    ) -> None:
        super().__init__()
        self.heads = nn.ModuleList(heads)
        self.stages = tuple(stages)
        self.loss, self.beta = loss, beta

    def forward(
        self, maps: Maps, proposals: list[Tensor], sizes: Sizes, targets: Sequence[Target] | None = None
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        """(detections, no losses) in eval mode; (nothing, losses) in training. Boxes in px of the resized images."""
        if not self.training:
            return self._detect(maps, proposals, sizes), {}
        assert targets is not None
        losses: dict[str, Tensor] = {}
        for number, (head, stage) in enumerate(zip(self.stage_heads(), self.stages, strict=True)):
            sampled = self._sample(head, proposals, targets)
            logits, deltas = _boxes(head, maps, [each.boxes for each in sampled], sizes)
            found = self._losses(head, maps, sizes, sampled, targets, logits, deltas)
            prefix = f"stage{number + 1}_" if len(self.stages) > 1 else ""
            losses |= {f"{prefix}{name}": value * stage.loss_weight for name, value in found.items()}
            if number + 1 < len(self.stages):
                refined = _refined(head, logits, deltas, [each.boxes for each in sampled], sizes)
                proposals = [boxes[each.proposed] for boxes, each in zip(refined, sampled, strict=True)]
        return [], losses

    def stage_heads(self) -> list[RoIHeads]:
        """The heads, the first stage's first."""
        return list(self.heads)

    @torch.no_grad()
    def _sample(self, head: RoIHeads, proposals: list[Tensor], targets: Sequence[Target]) -> list[Sampled]:
        true = [target.boxes for target in targets]
        boxes = head.add_gt_proposals(proposals, true)
        matched, labels = head.assign_targets_to_proposals(boxes, true, [target.labels for target in targets])
        chosen = head.subsample(labels)
        proposed = [
            torch.arange(len(all_), device=all_.device) < len(own) for all_, own in zip(boxes, proposals, strict=True)
        ]
        return [
            Sampled(*(each[keep] for each in parts))
            for *parts, keep in zip(boxes, labels, matched, proposed, chosen, strict=True)
        ]

    def _losses(
        self,
        head: RoIHeads,
        maps: Maps,
        sizes: Sizes,
        sampled: Sequence[Sampled],
        targets: Sequence[Target],
        logits: Tensor,
        deltas: Tensor,
    ) -> dict[str, Tensor]:
        labels = torch.cat([each.labels for each in sampled])
        positive = [each.labels > 0 for each in sampled]
        regions = [each.boxes[own] for each, own in zip(sampled, positive, strict=True)]
        matched = [each.matched[own] for each, own in zip(sampled, positive, strict=True)]
        true = [target.boxes[each] for target, each in zip(targets, matched, strict=True)]
        own = torch.cat(positive)
        mask_logits = _masks(head, maps, regions, sizes)
        views = mask_targets([target.masks for target in targets], regions, matched, MASK_SIDE)
        return {
            "loss_classifier": F.cross_entropy(logits, labels) if len(labels) else logits.sum() * 0,
            "loss_box_reg": box_loss(
                self.loss,
                own_box(deltas[own], labels[own]),
                torch.cat(regions),
                torch.cat(true),
                head.box_coder,
                len(labels),
                self.beta,
            ),
            "loss_mask": mask_loss(mask_logits, labels[own], views),
        }

    def _detect(self, maps: Maps, proposals: list[Tensor], sizes: Sizes) -> list[dict[str, Tensor]]:
        scores = []
        for number, head in enumerate(self.stage_heads()):
            logits, deltas = _boxes(head, maps, proposals, sizes)
            scores.append(logits)
            if number + 1 < len(self.heads):
                proposals = _refined(head, logits, deltas, proposals, sizes)
        mean = torch.stack(scores).mean(0)
        # torchvision decodes a box a class
        each = deltas if deltas.shape[1] == 4 * mean.shape[1] else deltas.repeat(1, mean.shape[1])
        boxes, shares, labels = head.postprocess_detections(mean, each, proposals, list(sizes))
        masks = self._probabilities(maps, boxes, labels, sizes)
        return [
            {"boxes": box, "scores": share, "labels": label, "masks": mask}
            for box, share, label, mask in zip(boxes, shares, labels, masks, strict=True)
        ]

    def _probabilities(self, maps: Maps, boxes: list[Tensor], labels: list[Tensor], sizes: Sizes) -> Sequence[Tensor]:
        """The masks [N, 1, 28, 28] of detections, for their classes: probabilities, the mean over the stages."""
        own = torch.cat(labels)
        rows = torch.arange(len(own), device=own.device)
        views = [_masks(head, maps, boxes, sizes)[rows, own].sigmoid() for head in self.stage_heads()]
        return torch.stack(views).mean(0)[:, None].split([len(each) for each in boxes])


def _boxes(head: RoIHeads, maps: Maps, boxes: list[Tensor], sizes: Sizes) -> tuple[Tensor, Tensor]:
    """Logits and deltas of regions, in float32 also under autocast: they become pixels."""
    logits, deltas = head.box_predictor(head.box_head(head.box_roi_pool(maps, boxes, list(sizes))))
    return logits.float(), deltas.float()


def _masks(head: RoIHeads, maps: Maps, boxes: list[Tensor], sizes: Sizes) -> Tensor:
    return head.mask_predictor(head.mask_head(head.mask_roi_pool(maps, boxes, list(sizes)))).float()


@torch.no_grad()
def _refined(head: RoIHeads, logits: Tensor, deltas: Tensor, boxes: list[Tensor], sizes: Sizes) -> list[Tensor]:
    """The regions moved as the stage says, each for its likeliest class but background, and kept inside the image."""
    label = logits[:, 1:].argmax(1) + 1
    moved = head.box_coder.decode_single(own_box(deltas, label), torch.cat(boxes))
    parts = moved.split([len(each) for each in boxes])
    return [clip_boxes_to_image(part, size) for part, size in zip(parts, sizes, strict=True)]
