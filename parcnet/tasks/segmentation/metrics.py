"""IoU and accuracy of a predictor on images with label maps."""

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
from parcnet.tasks.segmentation.sliding_inference import InferenceSettings, predict_log_probabilities


@dataclass(frozen=True, slots=True)
class SegmentationMetrics:
    """Metrics over all pixels of a split, not averaged over images; ignored pixels are excluded.

    IoU_c = n_cc / (sum_j n_cj + sum_i n_ic - n_cc)      n_ij: pixels of class i predicted as j
    """

    confusion: NDArray[np.int64]
    """Pixels [true class, predicted class]."""
    loss: float
    """Mean negative log-likelihood of the true class, nats per pixel."""
    count: int
    """Number of images."""
    images_per_second: float
    """Reading and resizing included."""

    @property
    def iou(self) -> NDArray[np.float64]:
        """IoU of each class; NaN for a class that neither occurs nor is predicted."""
        hits = self.confusion.diagonal()
        return _ratio(hits, self.confusion.sum(0) + self.confusion.sum(1) - hits)

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """Fraction of each class's pixels predicted correctly; NaN for a class that does not occur."""
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
        """Fraction of all pixels predicted correctly."""
        return float(self.confusion.trace() / self.confusion.sum())

    def metrics(self) -> dict[str, float]:
        """The scalar metrics, for logs and files."""
        return {"miou": self.miou, "macc": self.macc, "aacc": self.aacc, "loss": self.loss}


def evaluate_segmentation(
    predictor: Predictor,
    batches: Iterable[tuple[Sequence[Tensor], Sequence[Tensor]]],
    num_classes: int,
    settings: InferenceSettings,
    reduction: Reduction = ONE_PROCESS,
) -> SegmentationMetrics:
    """Runs the predictor over batches (images [C, H, W] of any size, label maps [H, W] of the same size).

    Each image is predicted separately, as `settings` specify, and scored at its original size. When several processes
    evaluate parts of a split, `reduction` sums their counts. Raises `UserError` when no pixel is labelled, or a label
    is not a class of the network.
    """
    started = time.perf_counter()
    confusion = torch.zeros(num_classes**2, dtype=torch.int64)
    loss = torch.zeros(1, dtype=torch.float64)
    count = torch.zeros(1, dtype=torch.int64)
    for images, label_maps in batches:
        for image, labels in zip(images, label_maps, strict=True):
            size = (labels.shape[0], labels.shape[1])
            probabilities = predict_log_probabilities(predictor, image, settings, size).cpu()
            labelled = labels != IGNORED
            _check_classes(probabilities.shape[0], labels[labelled], num_classes)
            predicted = probabilities.argmax(0)[labelled]
            confusion += torch.bincount(labels[labelled] * num_classes + predicted, minlength=num_classes**2)
            loss += F.nll_loss(probabilities[None], labels[None], ignore_index=IGNORED, reduction="sum")
            count += 1
    confusion, loss, count = (reduction.total(each) for each in (confusion, loss, count))
    pixels = int(confusion.sum())
    if not pixels:
        raise UserError(
            "there is no labelled pixel to evaluate: the split is empty or unreadable, or all pixels are ignored."
        )
    rate = int(count) / (time.perf_counter() - started)
    return SegmentationMetrics(confusion.view(num_classes, -1).numpy(), float(loss) / pixels, int(count), rate)


def _check_classes(returned: int, labels: Tensor, expected: int) -> None:
    """Raises `UserError` unless the network's classes and the labels, which may be none, are those expected."""
    largest = int(labels.max()) if len(labels) else None
    if returned != expected or (largest is not None and largest >= expected):
        found = "every pixel is ignored" if largest is None else f"labels go up to {largest}"
        raise UserError(f"the network returned {returned} classes, {found}; expected {expected}.")


def _ratio(hits: NDArray[Any], total: NDArray[Any]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return hits / total
