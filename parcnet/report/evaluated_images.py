"""The network's predictions for the images of one split, each kept: for accuracy, confusion and the worst mistakes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from parcnet.base.console import Advance
from parcnet.base.spacing import evenly_spaced
from parcnet.data import ImageDataset, Split
from parcnet.evaluation import evaluation_batches, torch_predictor
from parcnet.report.run_record import RunRecord
from parcnet.tasks.scores import Scores

SplitImages = tuple[ImageDataset, Split, str | None]
"""(images, their split, the folder they lie in; None for the embedded digits)"""

_BATCH = 64  # images; a split of large ones is evaluated in the batches it was trained in, if these were smaller


@dataclass(frozen=True, slots=True)
class EvaluatedImages:
    """Predictions, an entry an image that could be read."""

    images: ImageDataset
    split: Split
    data_dir: str | None
    numbers: NDArray[np.int64]
    """[n]: which images of the split."""
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float32]
    """Softmax probability of the predicted class."""
    loss: NDArray[np.float32]
    """Cross entropy, nats."""
    scores: Scores

    @property
    def part(self) -> str:
        """`360 test images`, or `500 of 5,000 test images`."""
        count, whole = len(self.numbers), len(self.images)
        return f"{count:,} {self.split} images" if count == whole else f"{count:,} of {whole:,} {self.split} images"


def open_split(run: RunRecord, data_dir: str | None, split: Split | None) -> SplitImages:
    """The test split if there is one, else val. Raises `UserError` for missing data."""
    folder = run.recipe.data.data_dir if data_dir is None else data_dir
    chosen: Split = split or ("test" if run.task.has_split(folder, "test") else "val")
    return run.task.open_images(folder, chosen, run.metadata), chosen, folder


def evaluate_images(
    run: RunRecord, opened: SplitImages, limit: int, device: torch.device, advance: Advance
) -> EvaluatedImages:
    """Evaluates at most `limit` images, spread evenly over the split, in fp32.

    Unreadable images are named and left out, as many as the recipe allows. Raises `UserError` for more.
    """
    images, split, folder = opened
    numbers = spread(len(images), limit)
    loader = evaluation_batches(
        run.task,
        _Selected(images, numbers),
        run.metadata,
        batch_size=batch_size(run),
        workers=run.recipe.data.workers,
        max_bad_images=run.recipe.data.max_bad_images,
    )
    read: list[tuple[Tensor, Tensor]] = []
    predictions: list[tuple[Tensor, Tensor, Tensor]] = []

    def labelled() -> Iterator[tuple[Tensor, Tensor]]:
        for tensors, positions in loader:
            labels = torch.tensor([images.label(int(numbers[position])) for position in positions])
            read.append((positions, labels))
            yield tensors, labels
            advance(len(positions), f"{split} images")

    with torch_predictor(run.explained.model.to(device), device) as predictor:

        def recording(tensors: Tensor) -> Tensor:
            logits = predictor(tensors).float().cpu()
            confidence, predicted = logits.softmax(-1).max(-1)
            predictions.append((predicted, confidence, F.cross_entropy(logits, read[-1][1], reduction="none")))
            return logits

        scores = run.task.evaluate(recording, labelled(), run.metadata)
    positions, labels = (torch.cat(each).numpy() for each in zip(*read, strict=True))
    predicted, confidence, loss = (torch.cat(each).numpy() for each in zip(*predictions, strict=True))
    return EvaluatedImages(images, split, folder, numbers[positions], labels, predicted, confidence, loss, scores)


def spread(count: int, limit: int) -> NDArray[np.int64]:
    """At most `limit` indices below `count`, evenly spaced."""
    return np.array(evenly_spaced(count, limit), np.int64)


def batch_size(run: RunRecord) -> int:
    """Images at once: not more than training proved to fit."""
    data = run.recipe.data
    return min(_BATCH, data.micro_batch or data.batch_size)


class _Selected:
    """Some images of a data set, each labelled by its position, so that the readable ones are known."""

    def __init__(self, images: ImageDataset, numbers: Sequence[int] | NDArray[np.int64]) -> None:
        self.images = images
        self.numbers = numbers
        self.classes = images.classes
        self.name = images.name

    def __len__(self) -> int:
        return len(self.numbers)

    def image(self, index: int) -> Image.Image:
        return self.images.image(int(self.numbers[index]))

    def label(self, index: int) -> int:
        return index

    def where(self, index: int) -> str:
        return self.images.where(int(self.numbers[index]))
