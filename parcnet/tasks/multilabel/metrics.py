"""How well a predictor finds the labels of images; the definitions are those of timm 1.0.31's
`MultiLabelClassificationEvaluator`."""

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
from parcnet.tasks.multilabel.average_precision import average_precision
from parcnet.tasks.predictor import Predictor
from parcnet.tasks.reduction import ONE_PROCESS, Reduction


@dataclass(frozen=True, slots=True)
class MultiLabelMetrics:
    """Metrics over one split; C classes.

    F1 = 2 TP / (2 TP + FP + FN), 0 where the denominator is, counts a class as predicted from the threshold on.
    """

    ap: NDArray[np.float64]
    """[C]: average precision of each class; 0 for a class without a positive."""
    f1: NDArray[np.float64]
    """[C]: F1 of each class over the images."""
    micro_f1: float
    """F1 of all decisions, one an image and class, counted together."""
    sample_f1: float
    """Mean over the images of each image's F1 over the classes."""
    loss: float
    """Mean binary cross entropy over images and classes, in nats, without smoothing."""
    positives: NDArray[np.int64]
    """[C]: images with each class."""
    count: int
    """Images."""
    images_per_second: float
    """Reading, resizing and predicting together."""

    @property
    def map(self) -> float:
        """Mean of `ap` over all classes, also those without a positive."""
        return float(self.ap.mean())

    @property
    def macro_f1(self) -> float:
        """Mean of `f1` over all classes."""
        return float(self.f1.mean())

    @property
    def confusion(self) -> None:
        """There is none: a class is not taken for another."""
        return

    def metrics(self) -> dict[str, float]:
        """The plain numbers in [0, 1], and the loss, for logs and files."""
        return {
            "map": self.map,
            "micro_f1": self.micro_f1,
            "macro_f1": self.macro_f1,
            "sample_f1": self.sample_f1,
            "loss": self.loss,
        }


def evaluate_multilabel(
    predictor: Predictor,
    loader: Iterable[tuple[Tensor, Tensor]],
    num_classes: int,
    threshold: float,
    reduction: Reduction = ONE_PROCESS,
) -> MultiLabelMetrics:
    """Runs the predictor over batches (images [B, C, H, W], targets [B, classes] of 0 and 1).

    Average precision needs every score, so where several processes evaluate parts of a split, `reduction` gathers the
    scores and each process has the metrics of the whole, not a mean over parts. Memory: 5 bytes an image and class in
    every process, three times as much while they are gathered: 16 MB for COCO's 40,504 images and 80 classes.

    Raises `UserError` when there is no image, or when logits and targets are not [B, classes].
    """
    started = time.perf_counter()
    scores, labels = [torch.empty(0, num_classes)], [torch.empty(0, num_classes, dtype=torch.uint8)]
    for images, targets in loader:
        logits = predictor(images).detach().float().cpu()
        for what, found in (("the network returned logits", logits), ("the data have targets", targets)):
            if found.shape != (len(images), num_classes):
                raise UserError(f"{what} {list(found.shape)}; expected [{len(images)}, {num_classes}].")
        scores.append(logits)
        labels.append(targets.to(torch.uint8))
    logits, positive = _gathered(torch.cat(scores), torch.cat(labels), reduction)
    if not len(logits):
        raise UserError("there is no image to evaluate: every one was unreadable, or the split is empty.")
    predicted = (logits.sigmoid() >= threshold).numpy()
    positives = positive.numpy()
    hits = (predicted & positives).astype(np.int64)
    sizes = predicted.astype(np.int64) + positives
    return MultiLabelMetrics(
        ap=np.array([average_precision(*each) for each in zip(logits.numpy().T, positives.T, strict=True)]),
        f1=_f1(hits.sum(0), sizes.sum(0)),
        micro_f1=float(_f1(hits.sum(), sizes.sum())),
        sample_f1=float(_f1(hits.sum(1), sizes.sum(1)).mean()),
        loss=float(F.binary_cross_entropy_with_logits(logits.double(), positive.double())),
        positives=positives.sum(0),
        count=len(logits),
        images_per_second=len(logits) / (time.perf_counter() - started),
    )


def _f1(hits: Any, sizes: Any) -> NDArray[np.float64]:
    """2 TP / (predicted + labelled), of counts of any shape."""
    return np.asarray(2 * hits / np.maximum(sizes, 1))


def _gathered(scores: Tensor, labels: Tensor, reduction: Reduction) -> tuple[Tensor, Tensor]:
    """Logits float32 [N, C] and labels bool [N, C] of all processes, by rank."""
    columns = scores.shape[1]
    # Tensor.numpy shares memory; a process without images sends no bytes
    parts = reduction.gathered(scores.numpy().tobytes() + labels.numpy().tobytes())
    rows = [len(part) // (5 * columns) for part in parts]
    found = [np.frombuffer(part, np.float32, count * columns) for part, count in zip(parts, rows, strict=True)]
    named = [np.frombuffer(part, np.uint8, offset=4 * count * columns) for part, count in zip(parts, rows, strict=True)]
    logits, positive = (np.concatenate(each).reshape(-1, columns) for each in (found, named))
    return torch.from_numpy(logits), torch.from_numpy(positive.astype(bool))
