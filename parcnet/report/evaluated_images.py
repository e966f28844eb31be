"""The network's answers to the images of one split, each kept: for accuracy, confusion and the worst mistakes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from parcnet.base.console import Advance
from parcnet.data import ImageDataset, Split, eval_loader, has_split, open_dataset
from parcnet.evaluation import Result, evaluate, torch_predictor
from parcnet.report.run_record import Run

Opened = tuple[ImageDataset, Split, str | None]
"""(images, their split, the folder they lie in; None for the embedded digits)"""

_BATCH = 64  # images; a split of large ones is seen in the batches it was trained in, if these were smaller


@dataclass(frozen=True, slots=True)
class Looked:
    """Answers, an entry an image that could be read."""

    images: ImageDataset
    split: Split
    data_dir: str | None
    numbers: NDArray[np.int64]
    """[n]: which images of the split."""
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float32]
    """Softmax of the predicted class."""
    loss: NDArray[np.float32]
    """Cross entropy, nats."""
    result: Result

    @property
    def part(self) -> str:
        """`360 test images`, or `500 of 5,000 test images`."""
        count, whole = len(self.numbers), len(self.images)
        return f"{count:,} {self.split} images" if count == whole else f"{count:,} of {whole:,} {self.split} images"


def open_images(run: Run, data_dir: str | None, split: Split | None) -> Opened:
    """The test split if there is one, else val. Raises `UserError` for data not there."""
    folder = run.recipe.data.data_dir if data_dir is None else data_dir
    chosen: Split = split or ("test" if has_split(folder, "test") else "val")
    return open_dataset(folder, chosen, run.subject.classes), chosen, folder


def look(run: Run, opened: Opened, limit: int, device: torch.device, advance: Advance) -> Looked:
    """Shows the network at most `limit` images, spread evenly over the split, in fp32.

    Unreadable images are named and left out, as many as the recipe allows. Raises `UserError` for more.
    """
    images, split, folder = opened
    numbers = spread(len(images), limit)
    chosen = _Chosen(images, numbers)
    data = run.recipe.data
    loader = eval_loader(
        chosen,
        transform=run.subject.preprocessing.transform(),
        batch_size=batch_size(run),
        workers=data.workers,
        max_bad_images=data.max_bad_images,
    )
    asked: list[tuple[Tensor, Tensor]] = []
    answers: list[tuple[Tensor, Tensor, Tensor]] = []

    def labelled() -> Iterator[tuple[Tensor, Tensor]]:
        for tensors, places in loader:
            labels = torch.tensor([images.label(int(numbers[place])) for place in places])
            asked.append((places, labels))
            yield tensors, labels
            advance(len(places), f"{split} images")

    with torch_predictor(run.subject.model.to(device), device) as see:

        def remember(tensors: Tensor) -> Tensor:
            logits = see(tensors).float().cpu()
            shares, predicted = logits.softmax(-1).max(-1)
            answers.append((predicted, shares, F.cross_entropy(logits, asked[-1][1], reduction="none")))
            return logits

        result = evaluate(remember, labelled(), len(run.subject.classes))
    place, label = (torch.cat(each).numpy() for each in zip(*asked, strict=True))
    predicted, shares, loss = (torch.cat(each).numpy() for each in zip(*answers, strict=True))
    return Looked(images, split, folder, numbers[place], label, predicted, shares, loss, result)


def spread(count: int, limit: int) -> NDArray[np.int64]:
    """At most `limit` numbers below `count`, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, limit)).round().astype(np.int64))


def batch_size(run: Run) -> int:
    """Images at once: not more than training proved to fit."""
    data = run.recipe.data
    return min(_BATCH, data.micro_batch or data.batch_size)


class _Chosen:
    """Some images of a data set; as its label each has its place, so that none is lost sight of."""

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
