"""Semantic segmentation: UperNet over a backbone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from parcnet.base import UserError
from parcnet.data import BadImage, JointTransform, LabelledImages, Preprocessing, collate, collate_lists
from parcnet.data.splits import Splits
from parcnet.evaluation import Predictor
from parcnet.plots.segmentation import SegmentedRow, segmentation_rows
from parcnet.tasks.building import Built, colour_statistics
from parcnet.tasks.segmentation import Looks, SegmentationLoss, look, segmenter
from parcnet.tasks.segmentation.data import (
    SegmentationEvaluation,
    SegmentationTraining,
    has_label_maps,
    open_label_maps,
)
from parcnet.tasks.segmentation.metrics import SegmentationResult, evaluate_segmentation
from parcnet.tasks.starting_weights import backbone_of, start_from
from parcnet.tasks.task import Metric, Scores, Task
from parcnet.training.distributed.process_group import Ranks
from parcnet.training.loop.step import Batch
from parcnet.training.setup.batch_split import Share

if TYPE_CHECKING:
    from parcnet.training.setup.prepare import Job

_MIOU = Metric("miou", "mIoU")
_DRAWN = 6


class Segmentation(Task):
    """Mean IoU chooses the best epoch."""

    name = "segmentation"
    metrics = (_MIOU, Metric("macc", "mAcc"), Metric("aacc", "aAcc"), Metric("loss", "loss (nats)", percent=False))
    logged = ("loss", "miou", "macc", "aacc")
    chosen = _MIOU
    sync_norm = True
    predicts = "colours your images by class"
    predict_flags = " --save predicted.png"

    def check(self, share: Share, device: str) -> None:
        """Pyramid pooling ends in a BatchNorm of one value an image and channel, which wants two images."""
        together = share.micro * (share.world if device == "cuda" else 1)
        if together < 2:
            raise UserError(
                "segmentation trains on at least two images at a time, for its BatchNorm over pooled images: use a "
                "larger --batch-size or --micro-batch."
            )

    def open_splits(self) -> Splits:
        folder, reduce = self.recipe.data.data_dir, self.recipe.segmentation.reduce_zero_label
        train, val = (open_label_maps(folder, split, reduce) for split in ("train", "val"))
        return Splits(train, val, open_label_maps(folder, "test", reduce) if has_label_maps(folder, "test") else None)

    def build(self, classes: Sequence[str]) -> Built:
        settings = self.recipe.segmentation
        backbone, model_args = backbone_of(self.recipe)
        decoder: dict[str, Any] = {
            "channels": settings.decoder_channels,
            "auxiliary_channels": settings.auxiliary_channels if settings.auxiliary_weight else None,
            "dropout": settings.decoder_dropout,
        }
        network = segmenter(backbone, len(classes), **decoder)
        report = start_from(network, backbone, self.recipe)
        mean, std = colour_statistics(backbone.net, self.recipe)
        return Built(
            network,
            model_args,
            Preprocessing(settings.crop_size, mean, std, "bilinear", 1.0),
            {
                "decoder": decoder,
                "looks": {
                    "resize_to": settings.resize_to,
                    "inference": settings.inference,
                    "window": settings.crop_size,
                    "stride": settings.stride,
                },
                "reduce_zero_label": settings.reduce_zero_label,
            },
            () if report is None else (str(report),),
        )

    def transform(self, preprocessing: Preprocessing, training: bool) -> JointTransform:
        if not training:
            return SegmentationEvaluation(preprocessing)
        return SegmentationTraining(preprocessing, self.recipe.segmentation, self.recipe.augmentation.hflip)

    def collate(self, training: bool) -> Callable[..., Any]:
        return collate if training else collate_lists

    def loss(self) -> Callable[[Any, Any], Tensor]:
        return SegmentationLoss(self.recipe.segmentation.auxiliary_weight)

    def evaluate(
        self, predictor: Predictor, batches: Iterable[Batch], classes: int, ranks: Ranks
    ) -> SegmentationResult:
        return evaluate_segmentation(predictor, batches, classes, self._looks(), ranks.total)

    def draw(self, predictor: Predictor, job: Job, shown: LabelledImages, scores: Scores) -> list[Path]:  # noqa: ARG002
        """A few images beside what they were labelled and what the network sees."""
        prepare = SegmentationEvaluation(job.built.preprocessing)
        rows = []
        for index in np.unique(np.linspace(0, len(shown) - 1, _DRAWN).round().astype(int)).tolist():
            try:
                image, labels = shown.image(index), shown.label(index)
            except BadImage:
                continue  # was named when the split was evaluated
            predicted = look(predictor, prepare.image(image), self._looks(), labels.shape).argmax(0).cpu().numpy()
            rows.append(SegmentedRow(Path(shown.where(index)).stem, np.asarray(image), (labels, predicted)))
        if not rows:
            return []
        segmentation_rows(rows, ("labelled", "predicted"), job.classes, job.folder.predictions)
        return [job.folder.predictions]

    def _looks(self) -> Looks:
        settings = self.recipe.segmentation
        return Looks(settings.resize_to, settings.inference, settings.crop_size, settings.stride)
