"""How well a predictor labels the pixels of images."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from parcnet.base import UserError
from parcnet.tasks.segmentation.data import IGNORED
from parcnet.tasks.predictor import Predictor
from parcnet.tasks.segmentation import Looks, look


@dataclass(frozen=True, slots=True)
class SegmentationResult:
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
        """Of each class; not a number for one that is neither there nor predicted."""
        hits = self.confusion.diagonal()
        return _shares(hits, self.confusion.sum(0) + self.confusion.sum(1) - hits)

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """Share of each class's pixels that are found; not a number for a class that is not there."""
        return _shares(self.confusion.diagonal(), self.confusion.sum(1))

    @property
    def miou(self) -> float:
        """Mean IoU over the classes that are there or predicted."""
        return float(np.nanmean(self.iou))

    @property
    def macc(self) -> float:
        """Mean accuracy over the classes that are there."""
        return float(np.nanmean(self.accuracy))

    @property
    def aacc(self) -> float:
        """Share of all pixels that are right."""
        return float(self.confusion.trace() / self.confusion.sum())

    def metrics(self) -> dict[str, float]:
        """The plain numbers, for logs and files."""
        return {"miou": self.miou, "macc": self.macc, "aacc": self.aacc, "loss": self.loss}


def evaluate_segmentation(
    predictor: Predictor,
    batches: Iterable[tuple[Sequence[Tensor], Sequence[Tensor]]],
    num_classes: int,
    looks: Looks,
    total: Callable[[Tensor], Tensor] = lambda counts: counts,
) -> SegmentationResult:
    """Runs the predictor over batches (images [C, H, W] of any sizes, their label maps [H, W] of the same sizes).

    Every image is looked at by itself, as `looks` says, and scored at its own size. Where several processes look at
    parts of a split, `total` sums counts over them. Raises `UserError` when no pixel is labelled, or with a class that
    the network does not know.
    """
    started = time.perf_counter()
    confusion = torch.zeros(num_classes**2, dtype=torch.int64)
    loss = torch.zeros(1, dtype=torch.float64)
    count = torch.zeros(1, dtype=torch.int64)
    for images, label_maps in batches:
        for image, labels in zip(images, label_maps, strict=True):
            shares = look(predictor, image, looks, (labels.shape[0], labels.shape[1])).cpu()
            asked = labels != IGNORED
            if shares.shape[0] != num_classes or (asked.any() and int(labels[asked].max()) >= num_classes):
                worst = int(labels[asked].max())
                raise UserError(
                    f"the network returned {shares.shape[0]} classes, labels go up to {worst}; expected {num_classes}."
                )
            predicted = shares.argmax(0)[asked]
            confusion += torch.bincount(labels[asked] * num_classes + predicted, minlength=num_classes**2)
            loss += F.nll_loss(shares[None], labels[None], ignore_index=IGNORED, reduction="sum")
            count += 1
    confusion, loss, count = (total(each) for each in (confusion, loss, count))
    pixels = int(confusion.sum())
    if not pixels:
        raise UserError(
            "there is no labelled pixel to evaluate: the split is empty, unreadable, or ignored throughout."
        )
    rate = int(count) / (time.perf_counter() - started)
    return SegmentationResult(confusion.view(num_classes, -1).numpy(), float(loss) / pixels, int(count), rate)


def _shares(hits: NDArray[Any], of: NDArray[Any]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return hits / of
