"""Classification metrics of one network on one part of a suite."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import Compose

from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing, Transform, eval_loader
from parcnet.data.corruptions import corrupt
from parcnet.evaluation.robustness.suites import Part
from parcnet.tasks.predictor import Predictor
from parcnet.tasks.scores import Scores
from parcnet.tasks.task import Task


@dataclass(frozen=True, slots=True)
class PartScore:
    """Metrics of one network on one part."""

    part: str
    scores: Scores


@dataclass(frozen=True, slots=True)
class CorruptionTransform:
    """A corruption of cropped images. Its noise is seeded by the image, so results are reproducible."""

    name: str
    severity: int

    def __call__(self, image: Image.Image) -> Image.Image:
        return corrupt(image, self.name, self.severity, seed=zlib.crc32(image.tobytes()))


def score(
    task: Task,
    predictor: Predictor,
    metadata: Metadata,
    part: Part,
    *,
    batch_size: int,
    workers: int,
    max_bad_images: int = 0,
    advance: Callable[[int, str], None] = lambda *_: None,
) -> PartScore:
    """Evaluates the predictor of a single-label task on the part.

    Logits of classes outside `part.class_subset` are set to minus infinity.

    `advance(images, part)` reports progress.
    """
    loader = eval_loader(
        part.images,
        transform=_transform(Preprocessing.from_dict(metadata.preprocessing), part),
        batch_size=batch_size,
        workers=workers,
        max_bad_images=max_bad_images,
    )
    restricted = _restricted(predictor, part.class_subset, len(metadata.classes))
    return PartScore(part.name, task.evaluate(restricted, _reporting(loader, part.name, advance), metadata))


def _transform(preprocessing: Preprocessing, part: Part) -> Transform:
    if part.corruption is None:
        return preprocessing.transform()
    steps: Transform = Compose(
        [preprocessing.cropping(), CorruptionTransform(*part.corruption), preprocessing.scaling()]
    )
    return steps


def _restricted(predictor: Predictor, class_subset: tuple[int, ...] | None, classes: int) -> Predictor:
    if class_subset is None:
        return predictor
    excluded = torch.ones(classes, dtype=torch.bool)
    excluded[list(class_subset)] = False

    def predict(images: Tensor) -> Tensor:
        logits: Tensor = predictor(images)
        return logits.float().masked_fill(excluded.to(logits.device), -torch.inf)

    return predict


def _reporting(
    loader: Iterable[tuple[Tensor, Tensor]], part: str, advance: Callable[[int, str], None]
) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of `loader`; `advance` is called after each."""
    for images, labels in loader:
        yield images, labels
        advance(len(labels), part)
