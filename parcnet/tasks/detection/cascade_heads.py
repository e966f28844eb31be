"""The heads of Cascade R-CNN (arXiv 1712.00726), in which each stage refines boxes; Mask R-CNN has a single stage."""

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
from parcnet.tasks.detection.region_heads import deltas_of_labels

Maps = dict[str, Tensor]
Sizes = Sequence[tuple[int, int]]

MASK_SIDE = 28


@dataclass(frozen=True, slots=True)
class CascadeStage:
    """Settings of one stage."""

    iou: float
    """A region is positive from this IoU with an instance."""
    weights: tuple[float, float, float, float]
    """Weights of the box coder for x, y, w, h: the inverse standard deviations of the deltas."""
    loss_weight: float = 1.0


MASK_RCNN = (CascadeStage(0.5, (10.0, 10.0, 5.0, 5.0)),)
CASCADE = (
    CascadeStage(0.5, (10.0, 10.0, 5.0, 5.0), 1.0),
    CascadeStage(0.6, (20.0, 20.0, 10.0, 10.0), 0.5),
    CascadeStage(0.7, (30.0, 30.0, 15.0, 15.0), 0.25),
)
"""arXiv 1712.00726, Sec. 4, and the published configurations (standard deviations .1 .05 .033, .2 .1 .067)."""


class SampledRegions(NamedTuple):
    """The regions of one image that are sampled to train a stage."""

    boxes: Tensor
    """[N, 4]"""
    labels: Tensor
    """[N] classes, 0 for background."""
    matched: Tensor
    """[N] indices of the matched instances; arbitrary for background."""
    proposed: Tensor
    """[N] bool: whether the region is a proposal, not a ground-truth box."""


class CascadeRoIHeads(nn.Module):
    """One of torchvision's `RoIHeads` per stage, each refining the boxes of the previous one.

    Training: each stage adds the ground-truth boxes to its proposals, matches them by its IoU, samples regions and
    weights its losses; the next stage gets the sampled regions, refined and without ground-truth boxes. Inference:

        scores = softmax(mean of the stages' logits)    boxes = the last stage's    masks = mean of the stages'

    as in the framework of the published results: the last stage's boxes, the means of logits and mask probabilities.
    """

    def __init__(
        self,
        heads: Sequence[RoIHeads],
        stages: Sequence[CascadeStage],
        *,
        loss: BoxLoss = "smooth_l1",
        beta: float = 1.0,
    ) -> None:
        super().__init__()
        self.heads = nn.ModuleList(heads)
        self.stages = tuple(stages)
        self.loss, self.beta = loss, beta

    def forward(
        self, maps: Maps, proposals: list[Tensor], sizes: Sizes, targets: Sequence[Target] | None = None
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        """([], losses) in training mode, (detections, {}) in eval mode. Boxes are in px of the resized images."""
        if not self.training:
            return self._detect(maps, proposals, sizes), {}
        assert targets is not None
        losses: dict[str, Tensor] = {}
        for number, (head, stage) in enumerate(zip(self.stage_heads(), self.stages, strict=True)):
            sampled = self._sample(head, proposals, targets)
            logits, deltas = _boxes(head, maps, [each.boxes for each in sampled], sizes)
            stage_losses = self._losses(head, maps, sizes, sampled, targets, logits, deltas)
            prefix = f"stage{number + 1}_" if len(self.stages) > 1 else ""
            losses |= {f"{prefix}{name}": value * stage.loss_weight for name, value in stage_losses.items()}
            if number + 1 < len(self.stages):
                refined = _refined(head, logits, deltas, [each.boxes for each in sampled], sizes)
                proposals = [boxes[each.proposed] for boxes, each in zip(refined, sampled, strict=True)]
        return [], losses

    def stage_heads(self) -> list[RoIHeads]:
        """The heads in the order of the stages."""
        return list(self.heads)

    @torch.no_grad()
    def _sample(self, head: RoIHeads, proposals: list[Tensor], targets: Sequence[Target]) -> list[SampledRegions]:
        truth = [target.boxes for target in targets]
        boxes = head.add_gt_proposals(proposals, truth)
        matched, labels = head.assign_targets_to_proposals(boxes, truth, [target.labels for target in targets])
        chosen = head.subsample(labels)
        proposed = [
            torch.arange(len(extended), device=extended.device) < len(own)
            for extended, own in zip(boxes, proposals, strict=True)
        ]
        return [
            SampledRegions(*(each[keep] for each in parts))
            for *parts, keep in zip(boxes, labels, matched, proposed, chosen, strict=True)
        ]

    def _losses(
        self,
        head: RoIHeads,
        maps: Maps,
        sizes: Sizes,
        sampled: Sequence[SampledRegions],
        targets: Sequence[Target],
        logits: Tensor,
        deltas: Tensor,
    ) -> dict[str, Tensor]:
        labels = torch.cat([each.labels for each in sampled])
        positive = [each.labels > 0 for each in sampled]
        regions = [each.boxes[own] for each, own in zip(sampled, positive, strict=True)]
        matched = [each.matched[own] for each, own in zip(sampled, positive, strict=True)]
        truth = [target.boxes[each] for target, each in zip(targets, matched, strict=True)]
        own = torch.cat(positive)
        mask_logits = _masks(head, maps, regions, sizes)
        masks = mask_targets([target.masks for target in targets], regions, matched, MASK_SIDE)
        return {
            "loss_classifier": F.cross_entropy(logits, labels) if len(labels) else logits.sum() * 0,
            "loss_box_reg": box_loss(
                self.loss,
                deltas_of_labels(deltas[own], labels[own]),
                torch.cat(regions),
                torch.cat(truth),
                head.box_coder,
                len(labels),
                self.beta,
            ),
            "loss_mask": mask_loss(mask_logits, labels[own], masks),
        }

    def _detect(self, maps: Maps, proposals: list[Tensor], sizes: Sizes) -> list[dict[str, Tensor]]:
        stage_logits = []
        for number, head in enumerate(self.stage_heads()):
            logits, deltas = _boxes(head, maps, proposals, sizes)
            stage_logits.append(logits)
            if number + 1 < len(self.heads):
                proposals = _refined(head, logits, deltas, proposals, sizes)
        mean = torch.stack(stage_logits).mean(0)
        # torchvision decodes one box per class
        deltas = deltas if deltas.shape[1] == 4 * mean.shape[1] else deltas.repeat(1, mean.shape[1])
        boxes, scores, labels = head.postprocess_detections(mean, deltas, proposals, list(sizes))
        masks = self._mask_probabilities(maps, boxes, labels, sizes)
        return [
            {"boxes": box, "scores": score, "labels": label, "masks": mask}
            for box, score, label, mask in zip(boxes, scores, labels, masks, strict=True)
        ]

    def _mask_probabilities(
        self, maps: Maps, boxes: list[Tensor], labels: list[Tensor], sizes: Sizes
    ) -> Sequence[Tensor]:
        """Mask probabilities [N, 1, 28, 28] of the detections' classes, averaged over the stages."""
        own = torch.cat(labels)
        rows = torch.arange(len(own), device=own.device)
        masks = [_masks(head, maps, boxes, sizes)[rows, own].sigmoid() for head in self.stage_heads()]
        return torch.stack(masks).mean(0)[:, None].split([len(each) for each in boxes])


def _boxes(head: RoIHeads, maps: Maps, boxes: list[Tensor], sizes: Sizes) -> tuple[Tensor, Tensor]:
    """Logits and deltas of regions, in float32 even under autocast, since deltas become px."""
    logits, deltas = head.box_predictor(head.box_head(head.box_roi_pool(maps, boxes, list(sizes))))
    return logits.float(), deltas.float()


def _masks(head: RoIHeads, maps: Maps, boxes: list[Tensor], sizes: Sizes) -> Tensor:
    return head.mask_predictor(head.mask_head(head.mask_roi_pool(maps, boxes, list(sizes)))).float()


@torch.no_grad()
def _refined(head: RoIHeads, logits: Tensor, deltas: Tensor, boxes: list[Tensor], sizes: Sizes) -> list[Tensor]:
    """The regions moved by the deltas of their likeliest foreground class, clipped to the image."""
    label = logits[:, 1:].argmax(1) + 1
    moved = head.box_coder.decode_single(deltas_of_labels(deltas, label), torch.cat(boxes))
    parts = moved.split([len(each) for each in boxes])
    return [clip_boxes_to_image(part, size) for part, size in zip(parts, sizes, strict=True)]
