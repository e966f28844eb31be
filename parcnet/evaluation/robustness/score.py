"""One network on the parts of a suite."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import Compose

from parcnet.data import Preprocessing, Transform, eval_loader
from parcnet.data.corruptions import corrupt
from parcnet.evaluation.robustness.suites import Part
from parcnet.tasks.classification.metrics import Result, evaluate
from parcnet.tasks.predictor import Predictor


@dataclass(frozen=True, slots=True)
class Scored:
    """The figures of one network on one part."""

    part: str
    result: Result


@dataclass(frozen=True, slots=True)
class Damage:
    """A corruption of cropped images; the noise depends on the image alone, so that figures can be had again."""

    corruption: str
    severity: int

    def __call__(self, image: Image.Image) -> Image.Image:
        return corrupt(image, self.corruption, self.severity, seed=zlib.crc32(image.tobytes()))


def score(
    predictor: Predictor,
    preprocessing: Preprocessing,
    part: Part,
    *,
    batch_size: int,
    workers: int,
    max_bad_images: int = 0,
    note: Callable[[int, str], None] = lambda *_: None,
) -> Scored:
    """Runs `predictor` over the part. With `part.among` the other classes' logits are minus infinity."""
    loader = eval_loader(
        part.images,
        transform=_transform(preprocessing, part),
        batch_size=batch_size,
        workers=workers,
        max_bad_images=max_bad_images,
    )
    classes = len(part.images.classes)
    result = evaluate(_among(predictor, part.among, classes), _noted(loader, part.name, note), classes)
    return Scored(part.name, result)


def _transform(preprocessing: Preprocessing, part: Part) -> Transform:
    if part.damage is None:
        return preprocessing.transform()
    steps: Transform = Compose([preprocessing.cropping(), Damage(*part.damage), preprocessing.scaling()])
    return steps


def _among(predictor: Predictor, among: tuple[int, ...] | None, classes: int) -> Predictor:
    if among is None:
        return predictor
    excluded = torch.ones(classes, dtype=torch.bool)
    excluded[list(among)] = False

    def restricted(images: Tensor) -> Tensor:
        logits: Tensor = predictor(images)
        return logits.float().masked_fill(excluded.to(logits.device), -torch.inf)

    return restricted


def _noted(
    loader: Iterable[tuple[Tensor, Tensor]], part: str, note: Callable[[int, str], None]
) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches, each told when it is done."""
    for images, labels in loader:
        yield images, labels
        note(len(labels), part)
