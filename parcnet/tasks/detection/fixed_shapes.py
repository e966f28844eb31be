"""A detector as one graph of fixed shapes, for one image of one size: from the image to boxes, classes and masks.

The same function as `parcnet.tasks.detection.Detector`, whose lists grow and shrink with what is in the image:

    proposals    of each level the 1,000 likeliest anchors, non-maximum suppression, the 1,000 likeliest of all levels
    regions      every region is read from every level, from three of them as a region of no size, and its own one kept
    detections   the `CANDIDATES` likeliest pairs of region and class above the score threshold, non-maximum
                 suppression by class, and the likeliest of those

What suppression takes out, and what was too small, stays in place with the score -1.
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
from parcnet.tasks.detection.region_heads import own_box
from parcnet.tasks.exported_file import ExportRequest

OUTPUTS = ("boxes", "scores", "labels", "masks")
"""Of a file: boxes [1, N, 4] (x1, y1, x2, y2 in px of the file's image), scores [1, N], the likeliest first, 0 where
there are fewer; labels [1, N], classes from 0; masks [1, N, 28, 28], probabilities within the box."""

CANDIDATES = 4096
"""Pairs of region and class that suppression looks at; a detector that is trained leaves hundreds above its score."""

_STRIDES = (4, 8, 16, 32)
_SMALLEST, _SMALLEST_PROPOSAL = 1e-2, 1e-3  # px, torchvision's


FORMATS = {"onnx": ("fp32",), "openvino": ("fp32", "fp16"), "torch-export": ("fp32",)}
"""Formats and precisions of exported detectors: MNN has no non-maximum suppression, and boxes need fp32."""


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


class PlainDetector(nn.Module):
    """The detector's own parts on a normalised image [1, 3, H, W] that needs no resizing; answers `OUTPUTS`."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    @property
    def detections(self) -> int:
        """Rows of each output."""
        return int(self.detector.roi_heads.stage_heads()[-1].detections_per_img)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        sizes = [(image.shape[-2], image.shape[-1])]
        maps = self.detector.backbone(image)
        proposals, _ = self.detector.rpn(ImageList(image, sizes), maps)
        (found,), _ = self.detector.roi_heads(maps, proposals, sizes)
        rows = (found["boxes"], found["scores"], found["labels"] - 1, found["masks"][:, 0])
        missing = self.detections - len(found["scores"])
        return tuple(torch.cat([each, each.new_zeros(missing, *each.shape[1:])])[None] for each in rows)


class FixedDetector(nn.Module):
    """`PlainDetector` in fixed shapes, for images of the size of `image` [1, 3, H, W]."""

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
        boxes, alive = self._proposals(list(maps.values()))
        levels = list(maps.values())[: len(_STRIDES)]
        scores = []
        last = len(self.heads) - 1
        for number, head in enumerate(self.heads):
            any_head: Any = head
            logits, deltas = any_head.box_predictor(any_head.box_head(self._read(any_head.box_roi_pool, levels, boxes)))
            scores.append(logits)
            if number < last:
                label = logits[:, 1:].argmax(1) + 1
                boxes = self._inside(any_head.box_coder.decode_single(own_box(deltas, label), boxes))
        probabilities = torch.stack(scores).mean(0).softmax(-1)[:, 1:]
        found, score, label = self._detections(
            any_head, deltas, boxes, torch.where(alive[:, None], probabilities, -1.0)
        )
        masks = torch.stack([self._masks(each, levels, found, label) for each in self.heads]).mean(0)
        real = score >= 0
        rows = (found, score, label, masks)
        kept = [torch.where(real.reshape(-1, *[1] * (each.dim() - 1)), each, torch.zeros_like(each)) for each in rows]
        return tuple(each[None] for each in kept)

    def _proposals(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Boxes [K, 4] in px and whether each is one [K]."""
        boxes, scores = [], []
        for level, (logits, deltas) in enumerate(zip(*self.rpn.head(list(maps)), strict=True)):
            shapes = logits.shape[1], logits.shape[2], logits.shape[3]
            likely = logits[0].permute(1, 2, 0).reshape(-1)
            moves = deltas.reshape(shapes[0], 4, *shapes[1:]).permute(2, 3, 0, 1).reshape(-1, 4)
            best = likely.topk(min(self.rpn.pre_nms_top_n(), likely.shape[0])).indices
            found = self._inside(
                self.rpn.box_coder.decode_single(moves[best], self.get_buffer(f"anchors_{level}")[best])
            )
            share = likely[best].sigmoid()
            boxes.append(found)
            scores.append(_surviving(found, share, self.rpn.nms_thresh, _SMALLEST_PROPOSAL))
        together = torch.cat(scores)
        ranked = together.topk(min(self.rpn.post_nms_top_n(), together.shape[0]))
        return torch.cat(boxes)[ranked.indices], ranked.values >= 0

    def _detections(self, head: Any, deltas: Tensor, regions: Tensor, shares: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The likeliest boxes [N, 4], their scores [N] and classes [N] from 0; score -1 for none."""
        classes = shares.shape[1]
        likely = torch.where(shares > head.score_thresh, shares, -1.0).reshape(-1)
        best = likely.topk(min(CANDIDATES, likely.shape[0]))
        row, label = best.indices // classes, best.indices % classes
        moves = deltas[row] if deltas.shape[1] == 4 else deltas.reshape(-1, classes + 1, 4)[row, label + 1]
        found = self._inside(head.box_coder.decode_single(moves, regions[row]))
        apart = found + (label * (max(self.size) + 1.0))[:, None]  # boxes of different classes never overlap
        score = _surviving(apart, best.values, head.nms_thresh, _SMALLEST)
        kept = score.topk(min(head.detections_per_img, score.shape[0]))
        return found[kept.indices], kept.values, label[kept.indices]

    def _masks(self, head: Any, levels: Sequence[Tensor], boxes: Tensor, label: Tensor) -> Tensor:
        views = head.mask_predictor(head.mask_head(self._read(head.mask_roi_pool, levels, boxes)))
        rows = torch.arange(label.shape[0], device=label.device)
        return views[rows, label + 1].sigmoid()

    def _read(self, pool: MultiScaleRoIAlign, levels: Sequence[Tensor], boxes: Tensor) -> Tensor:
        """Regions [K, 4] of the maps -> [K, C, h, w], each from the level of its size."""
        own = self.level_of([boxes])
        first = boxes.new_zeros(boxes.shape[0], 1)
        total = None
        for level, (each, stride) in enumerate(zip(levels, _STRIDES, strict=True)):
            here = (own == level)[:, None]
            # a region of no size costs next to nothing, where one of a higher level would be hundreds of samples
            regions = torch.cat([first, torch.where(here, boxes, 0.0)], 1)
            read = roi_align(each, regions, pool.output_size, 1 / stride, pool.sampling_ratio)
            read = torch.where(here[:, :, None, None], read, 0.0)
            total = read if total is None else total + read
        assert total is not None
        return total

    def _inside(self, boxes: Tensor) -> Tensor:
        height, width = self.size
        x1, y1, x2, y2 = boxes.unbind(-1)
        return torch.stack([x1.clamp(0, width), y1.clamp(0, height), x2.clamp(0, width), y2.clamp(0, height)], -1)


def _surviving(boxes: Tensor, scores: Tensor, overlap: float, smallest: float) -> Tensor:
    """The scores [N], with -1 where non-maximum suppression takes a box out, or where it is too small."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    scores = torch.where((width >= smallest) & (height >= smallest), scores, -1.0)
    # torch.export takes the survivors for at least two: two that meet nothing always do
    elsewhere = boxes.new_tensor([[-20.0, -20, -19, -19], [-10, -10, -9, -9]])
    kept = nms(torch.cat([boxes, elsewhere]), torch.cat([scores, scores.new_full((2,), -2.0)]), overlap)
    survives = scores.new_zeros(scores.shape[0] + 2).index_fill(0, kept, 1.0)[: scores.shape[0]]
    return torch.where(survives > 0, scores, -1.0)
