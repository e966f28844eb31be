"""A detector as a graph of fixed shapes, for one image of fixed size.

Computes the same function as `parcnet.tasks.detection.Detector`, whose shapes depend on the image:

    proposals    the 1,000 anchors with the highest scores of each level, non-maximum suppression, the top 1,000 of all
    regions      RoIAlign on every level, with empty regions on all levels but the region's own
    detections   the top `CANDIDATES` pairs of region and class above the score threshold, non-maximum suppression by
                 class, the top of the rest

Suppressed and too small boxes stay in place with score -1.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import nms, roi_align
from torchvision.ops.poolers import LevelMapper, MultiScaleRoIAlign

from parcnet.base import UserError
from parcnet.tasks.detection.detector import Detector
from parcnet.tasks.detection.region_heads import deltas_of_labels
from parcnet.tasks.exported_file import ExportRequest

OUTPUTS = ("boxes", "scores", "labels", "masks")
"""Boxes [1, N, 4] (x1, y1, x2, y2 in px of the input), scores [1, N] in descending order, 0 for padding; labels [1, N],
classes from 0; masks [1, N, 28, 28], probabilities within the box."""

CANDIDATES = 4096
"""Pairs of region and class passed to suppression; a trained detector has hundreds above the score threshold."""

_STRIDES = (4, 8, 16, 32)
_SMALLEST, _SMALLEST_PROPOSAL = 1e-2, 1e-3  # px, as in torchvision


FORMATS = {"onnx": ("fp32",), "openvino": ("fp32", "fp16"), "torch-export": ("fp32",)}
"""Format -> precisions of exported detectors: MNN lacks non-maximum suppression, and boxes need fp32."""


def check_request(request: ExportRequest) -> None:
    """Raises `UserError` if a detector cannot be exported to this format, precision, batch or size."""
    if request.dtype not in FORMATS.get(request.format, ()):
        known = "; ".join(f"{name} in {' or '.join(dtypes)}" for name, dtypes in FORMATS.items())
        raise UserError(f"a detector cannot be exported to {request.format} in {request.dtype}: expected {known}.")
    if request.batch != 1:
        given = "dynamic" if request.batch is None else request.batch
        raise UserError(f"batch is {given}: an exported detector takes one image at a time; leave --batch out.")
    if request.height % 32 or request.width % 32:
        expected = " x ".join(str(-(-side // 32) * 32) for side in request.size)
        raise UserError(
            f"the size is {request.height} x {request.width} px: a detector's feature maps need multiples of 32, e.g. "
            f"{expected}."
        )


class SingleImageDetector(nn.Module):
    """The detector for a single normalised image [1, 3, H, W], without resizing; returns `OUTPUTS`."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    @property
    def detections(self) -> int:
        """Number of rows of each output."""
        return int(self.detector.roi_heads.stage_heads()[-1].detections_per_img)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        sizes = [(image.shape[-2], image.shape[-1])]
        maps = self.detector.backbone(image)
        proposals, _ = self.detector.rpn(ImageList(image, sizes), maps)
        (found,), _ = self.detector.roi_heads(maps, proposals, sizes)
        rows = (found["boxes"], found["scores"], found["labels"] - 1, found["masks"][:, 0])
        padding = self.detections - len(found["scores"])
        return tuple(torch.cat([each, each.new_zeros(padding, *each.shape[1:])])[None] for each in rows)


class FixedShapeDetector(nn.Module):
    """`SingleImageDetector` with fixed shapes, for images of the size of `image` [1, 3, H, W]."""

    def __init__(self, detector: Detector, image: Tensor) -> None:
        super().__init__()
        self.backbone, self.rpn = detector.backbone, detector.rpn
        self.heads = nn.ModuleList(detector.roi_heads.stage_heads())
        self.size = (int(image.shape[-2]), int(image.shape[-1]))
        self.level_of = LevelMapper(2, 5)
        with torch.no_grad():
            maps = list(detector.backbone(image).values())
            grid = detector.rpn.anchor_generator.grid_anchors(
                [list(each.shape[-2:]) for each in maps],
                [
                    [torch.tensor(side // own) for side, own in zip(self.size, each.shape[-2:], strict=True)]
                    for each in maps
                ],
            )
        for level, anchors in enumerate(grid):
            self.register_buffer(f"anchors_{level}", anchors)
        self.eval()

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        maps = self.backbone(image)
        boxes, valid = self._proposals(list(maps.values()))
        levels = list(maps.values())[: len(_STRIDES)]
        scores = []
        last = len(self.heads) - 1
        for number, head in enumerate(self.heads):
            any_head: Any = head
            logits, deltas = any_head.box_predictor(any_head.box_head(self._pool(any_head.box_roi_pool, levels, boxes)))
            scores.append(logits)
            if number < last:
                label = logits[:, 1:].argmax(1) + 1
                boxes = self._clipped(any_head.box_coder.decode_single(deltas_of_labels(deltas, label), boxes))
        probabilities = torch.stack(scores).mean(0).softmax(-1)[:, 1:]
        found, score, label = self._detections(
            any_head, deltas, boxes, torch.where(valid[:, None], probabilities, -1.0)
        )
        masks = torch.stack([self._masks(each, levels, found, label) for each in self.heads]).mean(0)
        valid = score >= 0
        rows = (found, score, label, masks)
        outputs = [
            torch.where(valid.reshape(-1, *[1] * (each.dim() - 1)), each, torch.zeros_like(each)) for each in rows
        ]
        return tuple(each[None] for each in outputs)

    def _proposals(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Boxes [K, 4] in px and whether each is valid [K]."""
        boxes, scores = [], []
        for level, (logits, deltas) in enumerate(zip(*self.rpn.head(list(maps)), strict=True)):
            shapes = logits.shape[1], logits.shape[2], logits.shape[3]
            level_logits = logits[0].permute(1, 2, 0).reshape(-1)
            level_deltas = deltas.reshape(shapes[0], 4, *shapes[1:]).permute(2, 3, 0, 1).reshape(-1, 4)
            best = level_logits.topk(min(self.rpn.pre_nms_top_n(), level_logits.shape[0])).indices
            level_boxes = self._clipped(
                self.rpn.box_coder.decode_single(level_deltas[best], self.get_buffer(f"anchors_{level}")[best])
            )
            probabilities = level_logits[best].sigmoid()
            boxes.append(level_boxes)
            scores.append(_suppressed(level_boxes, probabilities, self.rpn.nms_thresh, _SMALLEST_PROPOSAL))
        all_scores = torch.cat(scores)
        ranked = all_scores.topk(min(self.rpn.post_nms_top_n(), all_scores.shape[0]))
        return torch.cat(boxes)[ranked.indices], ranked.values >= 0

    def _detections(
        self, head: Any, deltas: Tensor, regions: Tensor, probabilities: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The top boxes [N, 4], their scores [N] and classes [N] from 0; score -1 for padding."""
        classes = probabilities.shape[1]
        scores = torch.where(probabilities > head.score_thresh, probabilities, -1.0).reshape(-1)
        best = scores.topk(min(CANDIDATES, scores.shape[0]))
        row, label = best.indices // classes, best.indices % classes
        chosen = deltas[row] if deltas.shape[1] == 4 else deltas.reshape(-1, classes + 1, 4)[row, label + 1]
        found = self._clipped(head.box_coder.decode_single(chosen, regions[row]))
        offset = found + (label * (max(self.size) + 1.0))[:, None]  # so that boxes of different classes never overlap
        score = _suppressed(offset, best.values, head.nms_thresh, _SMALLEST)
        top = score.topk(min(head.detections_per_img, score.shape[0]))
        return found[top.indices], top.values, label[top.indices]

    def _masks(self, head: Any, levels: Sequence[Tensor], boxes: Tensor, label: Tensor) -> Tensor:
        logits = head.mask_predictor(head.mask_head(self._pool(head.mask_roi_pool, levels, boxes)))
        rows = torch.arange(label.shape[0], device=label.device)
        return logits[rows, label + 1].sigmoid()

    def _pool(self, pool: MultiScaleRoIAlign, levels: Sequence[Tensor], boxes: Tensor) -> Tensor:
        """RoIAlign of regions [K, 4] -> [K, C, h, w], each on the level for its size."""
        own = self.level_of([boxes])
        batch_index = boxes.new_zeros(boxes.shape[0], 1)
        total = None
        for level, (each, stride) in enumerate(zip(levels, _STRIDES, strict=True)):
            on_level = (own == level)[:, None]
            # empty regions cost almost nothing; large regions on a low level would take hundreds of samples
            regions = torch.cat([batch_index, torch.where(on_level, boxes, 0.0)], 1)
            pooled = roi_align(each, regions, pool.output_size, 1 / stride, pool.sampling_ratio)
            pooled = torch.where(on_level[:, :, None, None], pooled, 0.0)
            total = pooled if total is None else total + pooled
        assert total is not None
        return total

    def _clipped(self, boxes: Tensor) -> Tensor:
        height, width = self.size
        x1, y1, x2, y2 = boxes.unbind(-1)
        return torch.stack([x1.clamp(0, width), y1.clamp(0, height), x2.clamp(0, width), y2.clamp(0, height)], -1)


def _suppressed(boxes: Tensor, scores: Tensor, iou: float, smallest: float) -> Tensor:
    """The scores [N], set to -1 for boxes that are too small or removed by non-maximum suppression."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    scores = torch.where((width >= smallest) & (height >= smallest), scores, -1.0)
    # torch.export assumes at least two remaining boxes: these two always remain, since they overlap nothing
    isolated = boxes.new_tensor([[-20.0, -20, -19, -19], [-10, -10, -9, -9]])
    kept = nms(torch.cat([boxes, isolated]), torch.cat([scores, scores.new_full((2,), -2.0)]), iou)
    remains = scores.new_zeros(scores.shape[0] + 2).index_fill(0, kept, 1.0)[: scores.shape[0]]
    return torch.where(remains > 0, scores, -1.0)
