"""Throughput of the data loader, in images a second, beside that of the training step."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, runtime_checkable

import torch

from parcnet.base import UserError
from parcnet.base.console import Advance
from parcnet.base.timing import interleave, once, summarise
from parcnet.data import (
    ImageDataset,
    Preprocessing,
    decode_image,
    open_dataset,
    preserved_randomness,
    train_loader,
    train_transform,
)
from parcnet.data.packaged_images import PHOTOGRAPHS, photograph_path
from parcnet.data.samples import Sample, collate
from parcnet.models import build
from parcnet.recipes import Recipe
from parcnet_lab.bench.training_step import step

_BATCH = 32
_STEP_BATCH = 8


@runtime_checkable
class ImageFiles(ImageDataset, Protocol):
    """Images from files, encoded, also when packed into shards."""

    def content(self, index: int) -> bytes:
        """The file's bytes."""


def stages(images: ImageFiles, recipe: Recipe, count: int, seconds: float) -> list[dict[str, Any]]:
    """Milliseconds an image on one core, by stage: read, decode, augment (and normalise), collate.

    `count` images spread over the data are read repeatedly, so from the page cache rather than the disk.
    """
    side = recipe.network.img_size or 224
    transform = train_transform(_preprocessing(side), recipe.augmentation, recipe.data.train_interpolation)
    every = max(len(images) // count, 1)
    places = list(range(0, len(images), every))[:count]
    contents = [images.content(place) for place in places]
    decoded = [decode_image(content, images.where(place)) for content, place in zip(contents, places, strict=True)]
    with preserved_randomness():
        samples = [Sample(transform(image), 0) for image in decoded]
        timed = interleave(
            {
                "read": lambda: [images.content(place) for place in places],
                "decode": lambda: [decode_image(content, "") for content in contents],
                "augment": lambda: [transform(image) for image in decoded],
                "collate": lambda: collate(samples),
            },
            device="cpu",
            seconds=seconds,
            minimum_rounds=3,
            warmup=1,
        )
    each = len(places)
    size = sum(map(len, contents)) / each
    pixels = sum(image.width * image.height for image in decoded) / each
    return [
        {
            "stage": name,
            "ms": timing.median_ms / each,
            "ms_range": [timing.p25_ms / each, timing.p75_ms / each],
            "image_bytes": round(size),
            "image_pixels": round(pixels),
        }
        for name, timing in timed.items()
    ]


def throughput(images: ImageDataset, recipe: Recipe, workers: Sequence[int], note: Advance) -> list[dict[str, Any]]:
    """Steady-state images a second of the training loader, by number of workers; batches of 32."""
    side = recipe.network.img_size or 224
    transform = train_transform(_preprocessing(side), recipe.augmentation, recipe.data.train_interpolation)
    rows = []
    for number in workers:
        batches = train_loader(images, transform=transform, batch_size=_BATCH, seed=0, epoch=0, workers=number)
        found = iter(batches)
        started = time.perf_counter()
        for _ in range(2 * max(number, 1)):  # prefetched while the workers started
            next(found, None)
        begun, seen = time.perf_counter(), 0
        for batch, _ in found:
            seen += len(batch)
        if not seen:
            raise UserError(f"{len(images)} images are too few for {number} workers: give more with --images.")
        note(1, f"{number} workers")
        rows.append(
            {
                "workers": number,
                "images_per_second": seen / (time.perf_counter() - begun),
                "start_seconds": begun - started,
                "images": seen,
            }
        )
    return rows


def training_rate(recipe: Recipe, device: torch.device, dtype: torch.dtype, seconds: float) -> dict[str, Any]:
    """Images a second of the recipe's training step on `device`, on random images already in its memory."""
    side = recipe.network.img_size or 224
    # torch's stubs have no overload of `to` with both
    model = build(recipe.network.model).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    batch = _STEP_BATCH if device.type == "cpu" else 128
    call = step(model, batch, side, dtype)
    timing = summarise(_repeated(call, device, seconds))
    return {
        "network": recipe.network.model,
        "batch": batch,
        "images_per_second": 1e3 * batch / timing.median_ms,
        "timing": asdict(timing),
    }


def open_files(data_dir: str) -> ImageFiles:
    """The training images of a folder or of packed data. Raises `UserError` as `open_dataset` does."""
    images = open_dataset(data_dir, "train")
    if not isinstance(images, ImageFiles):
        raise UserError(
            f"{images.name} are not image files: there is nothing to decode. Name a folder of images or packed shards."
        )
    return images


@contextmanager
def photographs(count: int) -> Iterator[ImageFiles]:
    """A folder with `count` copies of the two photographs that come with scikit-learn (640 x 427, 170 KB)."""
    sources = [photograph_path(name) for name in PHOTOGRAPHS]
    with TemporaryDirectory() as folder:
        for place in range(count):
            source = sources[place % len(sources)]
            target = Path(folder) / "train" / source.stem / f"{place}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())  # separate files, as in a real folder
        yield open_files(folder)


def _repeated(call: Callable[[], None], device: torch.device, seconds: float) -> list[float]:
    call()
    times = [once(call, device) for _ in range(3)]
    while sum(times) < seconds:
        times.append(once(call, device))
    return times


def _preprocessing(side: int) -> Preprocessing:
    return Preprocessing((side, side), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
