"""How well a predictor labels the pixels of images."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from parcnet.base import UserError
from parcnet.tasks.predictor import Predictor
from parcnet.tasks.reduction import ONE_PROCESS, Reduction
from parcnet.tasks.segmentation.data import IGNORED
from parcnet.tasks.segmentation.sliding_inference import InferenceSettings, predict_probabilities


@dataclass(frozen=True, slots=True)
class SegmentationMetrics:
    """Metrics over all pixels of a split together, not averaged over images; ignored pixels count nowhere.

    IoU_c = n_cc / (sum_j n_cj + sum_i n_ic - n_cc)      n_ij pixels of class i predicted as j
    """

    confusion: NDArray[np.int64]
    """Pixels [true class, predicted class]."""
    loss: float
    """Mean negative log probability of the true class, nats a pixel."""
    count: int
    """Images."""
    images_per_second: float
    """Reading, resizing and predicting together."""

    @property
    def iou(self) -> NDArray[np.float64]:
        """Of each class; NaN for one that neither occurs nor is predicted."""
        hits = self.confusion.diagonal()
        return _ratio(hits, self.confusion.sum(0) + self.confusion.sum(1) - hits)

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """Fraction of each class's pixels that are predicted right; NaN for a class that does not occur."""
        return _ratio(self.confusion.diagonal(), self.confusion.sum(1))

    @property
    def miou(self) -> float:
        """Mean IoU over the classes that occur or are predicted."""
        return float(np.nanmean(self.iou))

    @property
    def macc(self) -> float:
        """Mean accuracy over the classes that occur."""
        return float(np.nanmean(self.accuracy))

    @property
    def aacc(self) -> float:
        """Fraction of all pixels that are predicted right."""
        return float(self.confusion.trace() / self.confusion.sum())

    def metrics(self) -> dict[str, float]:
        """The plain numbers, for logs and files."""
        return {"miou": self.miou, "macc": self.macc, "aacc": self.aacc, "loss": self.loss}


def evaluate_segmentation(
    predictor: Predictor,
    batches: Iterable[tuple[Sequence[Tensor], Sequence[Tensor]]],
    num_classes: int,
    settings: InferenceSettings,
    reduction: Reduction = ONE_PROCESS,
) -> SegmentationMetrics:
    """Runs the predictor over batches (images [C, H, W] of any sizes, their label maps [H, W] of the same sizes).

    Every image is predicted by itself, as `settings` say, and scored at its own size. Where several processes evaluate
    parts of a split, `reduction` sums their counts. Raises `UserError` when no pixel is labelled, or when one is
    labelled with a class that the network does not have.
    """
    started = time.perf_counter()
    confusion = torch.zeros(num_classes**2, dtype=torch.int64)
    loss = torch.zeros(1, dtype=torch.float64)
    count = torch.zeros(1, dtype=torch.int64)
    for images, label_maps in batches:
        for image, labels in zip(images, label_maps, strict=True):
            size = (labels.shape[0], labels.shape[1])
            probabilities = predict_probabilities(predictor, image, settings, size).cpu()
            labelled = labels != IGNORED
            if probabilities.shape[0] != num_classes or (labelled.any() and int(labels[labelled].max()) >= num_classes):
                worst = int(labels[labelled].max())
                raise UserError(
                    f"the network returned {probabilities.shape[0]} classes, labels go up to {worst}; expected "
                    f"{num_classes}."
                )
            predicted = probabilities.argmax(0)[labelled]
            confusion += torch.bincount(labels[labelled] * num_classes + predicted, minlength=num_classes**2)
            loss += F.nll_loss(probabilities[None], labels[None], ignore_index=IGNORED, reduction="sum")
            count += 1
    confusion, loss, count = (reduction.total(each) for each in (confusion, loss, count))
    pixels = int(confusion.sum())
    if not pixels:
        raise UserError(
            "there is no labelled pixel to evaluate: the split is empty, unreadable, or ignored throughout."
        )
    rate = int(count) / (time.perf_counter() - started)
    return SegmentationMetrics(confusion.view(num_classes, -1).numpy(), float(loss) / pixels, int(count), rate)


def _ratio(hits: NDArray[Any], of: NDArray[Any]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return hits / of
