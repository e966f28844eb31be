"""How well a predictor classifies labelled images."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from parcnet.base import UserError
from parcnet.tasks.predictor import Predictor

MOST_CONFUSED = 4096
"""Classes up to which confusion is counted: 128 MB; of 21,841 classes it would take 3.8 GB."""


@dataclass(frozen=True, slots=True)
class Result:
    """Metrics over one split; every image counts once and the same."""

    top1: float
    """Share of images whose likeliest class is the true one, in [0, 1]."""
    top5: float
    """Share of images whose five likeliest classes hold the true one; all classes if there are fewer than five."""
    loss: float
    """Mean cross entropy, in nats, without smoothing."""
    confusion: NDArray[np.int64] | None
    """Counts [true class, predicted class]; None for more than `MOST_CONFUSED` classes."""
    seen: NDArray[np.int64]
    """Images of each class."""
    count: int
    """Images."""
    images_per_second: float
    """Reading, resizing and predicting together."""

    def metrics(self) -> dict[str, float]:
        """The plain numbers, for logs and files."""
        return {"top1": self.top1, "top5": self.top5, "loss": self.loss}


def evaluate(
    predictor: Predictor,
    loader: Iterable[tuple[Tensor, Tensor]],
    num_classes: int,
    total: Callable[[Tensor], Tensor] = lambda counts: counts,
) -> Result:
    """Runs the predictor over batches (images [B, C, H, W], class indices [B]).

    Where several processes look at parts of a split, `total` sums counts over them, so each has the figures of the
    whole; nothing else travels. Raises `UserError` when there is no image, or a label the predictor has no logit for.
    """
    started = time.perf_counter()
    confused = num_classes <= MOST_CONFUSED
    confusion = torch.zeros(num_classes**2 if confused else 0, dtype=torch.int64)
    seen = torch.zeros(num_classes, dtype=torch.int64)
    hits = torch.zeros(2, dtype=torch.int64)
    loss = torch.zeros(1, dtype=torch.float64)
    for images, labels in loader:
        logits = predictor(images).detach().float().cpu()
        _check(logits, labels, num_classes)
        predicted = logits.argmax(-1)
        top5 = logits.topk(min(5, num_classes)).indices
        hits += torch.stack([(predicted == labels).sum(), (top5 == labels[:, None]).sum()])
        seen += torch.bincount(labels, minlength=num_classes)
        if confused:
            confusion += torch.bincount(labels * num_classes + predicted, minlength=num_classes**2)
        loss += F.cross_entropy(logits, labels, reduction="sum")
    confusion, seen, hits, loss = (total(each) for each in (confusion, seen, hits, loss))
    count = int(seen.sum())
    if not count:
        raise UserError("there is no image to evaluate: every one was unreadable, or the split is empty.")
    matrix: NDArray[Any] | None = confusion.view(num_classes, num_classes).numpy() if confused else None
    correct, in_top5 = hits.tolist()
    rate = count / (time.perf_counter() - started)
    return Result(correct / count, in_top5 / count, float(loss) / count, matrix, seen.numpy(), count, rate)


def _check(logits: Tensor, labels: Tensor, num_classes: int) -> None:
    if logits.shape != (len(labels), num_classes):
        expected = f"[{len(labels)}, {num_classes}]"
        raise UserError(f"the network returned logits {list(logits.shape)}; expected {expected}, one for each class.")
    if int(labels.max()) >= num_classes:
        raise UserError(f"an image has class index {int(labels.max())}, but the network knows {num_classes} classes.")
