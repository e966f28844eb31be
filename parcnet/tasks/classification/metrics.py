"""Accuracy, loss and confusion matrix of a predictor on labelled images."""

import time
from collections.abc import Iterable
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

MAX_CONFUSION_CLASSES = 4096
"""Largest number of classes with a confusion matrix (128 MB; 21,841 classes would take 3.8 GB)."""


@dataclass(frozen=True, slots=True)
class ClassificationMetrics:
    """Metrics of one split; every image has the same weight."""

    top1: float
    """Fraction of images whose likeliest class is the true one."""
    top5: float
    """Fraction of images whose five likeliest classes (or all, if there are fewer) contain the true one."""
    loss: float
    """Mean cross entropy in nats, without label smoothing."""
    confusion: NDArray[np.int64] | None
    """Counts [true class, predicted class]; None for more than `MAX_CONFUSION_CLASSES` classes."""
    support: NDArray[np.int64]
    """Number of images of each class."""
    count: int
    """Number of images."""
    images_per_second: float
    """Reading and resizing included."""

    def metrics(self) -> dict[str, float]:
        """The scalar metrics, for logs and files."""
        return {"top1": self.top1, "top5": self.top5, "loss": self.loss}


def evaluate_classification(
    predictor: Predictor,
    loader: Iterable[tuple[Tensor, Tensor]],
    num_classes: int,
    reduction: Reduction = ONE_PROCESS,
) -> ClassificationMetrics:
    """Runs the predictor over batches (images [B, C, H, W], class indices [B]).

    When several processes evaluate parts of a split, `reduction` sums the counts over them, so that each returns the
    metrics of the whole split. Raises `UserError` when there is no image, or a label without a logit.
    """
    started = time.perf_counter()
    count_confusion = num_classes <= MAX_CONFUSION_CLASSES
    confusion = torch.zeros(num_classes**2 if count_confusion else 0, dtype=torch.int64)
    support = torch.zeros(num_classes, dtype=torch.int64)
    hits = torch.zeros(2, dtype=torch.int64)
    loss = torch.zeros(1, dtype=torch.float64)
    for images, labels in loader:
        logits = predictor(images).detach().float().cpu()
        check_logits(logits, len(labels), num_classes)
        if int(labels.max()) >= num_classes:
            raise UserError(f"an image has class index {int(labels.max())}, but the network has {num_classes} classes.")
        predicted = logits.argmax(-1)
        top5 = logits.topk(min(5, num_classes)).indices
        hits += torch.stack([(predicted == labels).sum(), (top5 == labels[:, None]).sum()])
        support += torch.bincount(labels, minlength=num_classes)
        if count_confusion:
            confusion += torch.bincount(labels * num_classes + predicted, minlength=num_classes**2)
        loss += F.cross_entropy(logits, labels, reduction="sum")
    confusion, support, hits, loss = (reduction.total(each) for each in (confusion, support, hits, loss))
    count = int(support.sum())
    if not count:
        raise UserError("there is no image to evaluate: the split is empty, or every image was unreadable.")
    matrix: NDArray[Any] | None = confusion.view(num_classes, num_classes).numpy() if count_confusion else None
    correct, in_top5 = hits.tolist()
    rate = count / (time.perf_counter() - started)
    return ClassificationMetrics(
        correct / count, in_top5 / count, float(loss) / count, matrix, support.numpy(), count, rate
    )


def check_logits(logits: Tensor, images: int, num_classes: int) -> None:
    """Raises `UserError` unless there is one logit for each image and class."""
    if logits.shape != (images, num_classes):
        expected = f"[{images}, {num_classes}]"
        raise UserError(f"the network returned logits {list(logits.shape)}; expected {expected}, one per class.")
