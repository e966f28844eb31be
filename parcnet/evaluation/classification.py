"""How well a predictor classifies labelled images."""

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
from parcnet.evaluation.predictor import Predictor


@dataclass(frozen=True, slots=True)
class Result:
    """Metrics over one split; every image counts once and the same."""

    top1: float
    """Share of images whose likeliest class is the true one, in [0, 1]."""
    top5: float
    """Share of images whose five likeliest classes hold the true one; all classes if there are fewer than five."""
    loss: float
    """Mean cross entropy, in nats, without smoothing."""
    confusion: NDArray[np.int64]
    """Counts [true class, predicted class]."""
    count: int
    """Images."""
    images_per_second: float
    """Reading, resizing and predicting together."""

    def metrics(self) -> dict[str, float]:
        """The plain numbers, for logs and files."""
        return {"top1": self.top1, "top5": self.top5, "loss": self.loss}


def evaluate(predictor: Predictor, loader: Iterable[tuple[Tensor, Tensor]], num_classes: int) -> Result:
    """Runs the predictor over batches (images [B, C, H, W], class indices [B]).

    Raises `UserError` when there is no image, or a label the predictor has no logit for.
    """
    started = time.perf_counter()
    confusion = torch.zeros(num_classes * num_classes, dtype=torch.int64)
    count, in_top5, loss = 0, 0, 0.0
    for images, labels in loader:
        logits = predictor(images).float().cpu()
        _check(logits, labels, num_classes)
        top5 = logits.topk(min(5, num_classes)).indices
        in_top5 += int((top5 == labels[:, None]).sum())
        confusion += torch.bincount(labels * num_classes + logits.argmax(-1), minlength=num_classes**2)
        loss += float(F.cross_entropy(logits, labels, reduction="sum"))
        count += len(labels)
    if not count:
        raise UserError("there is no image to evaluate: every one was unreadable, or the split is empty.")
    matrix: NDArray[Any] = confusion.view(num_classes, num_classes).numpy()
    rate = count / (time.perf_counter() - started)
    return Result(float(np.trace(matrix)) / count, in_top5 / count, loss / count, matrix, count, rate)


def _check(logits: Tensor, labels: Tensor, num_classes: int) -> None:
    if logits.shape != (len(labels), num_classes):
        expected = f"[{len(labels)}, {num_classes}]"
        raise UserError(f"the network returned logits {list(logits.shape)}; expected {expected}, one for each class.")
    if int(labels.max()) >= num_classes:
        raise UserError(f"an image has class index {int(labels.max())}, but the network knows {num_classes} classes.")
