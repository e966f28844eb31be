"""The expected time of a run, from steps and image reads measured on this machine."""

import os
import time
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import Any

import torch

from parcnet.base.spacing import evenly_spaced
from parcnet.data import preserved_randomness
from parcnet.data.images import BadImage
from parcnet.data.samples import TrainingSamples
from parcnet.tasks.task import Batch
from parcnet.training.loop.step import Stepper
from parcnet.training.setup.prepare import RunSetup

_BUDGET = 15.0
"""Approximate time limit of all measured steps, seconds."""
_REPEATS = 7
_IMAGES = 48
"""Number of images read to measure the time per image."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Measured times and the expected time of the run."""

    images: int
    """Number of images in the measured step."""
    step_seconds: float
    """Seconds to compute a step, scaled from `images` to the whole batch."""
    image_seconds: float
    """Seconds for one process to read and augment an image."""
    workers: int
    """Number of worker processes; 0: the main process reads the images."""
    batch: int
    steps: int

    @property
    def reading_seconds(self) -> float:
        """Seconds to read a batch by all workers, at most one per core."""
        return self.image_seconds * self.batch / max(min(self.workers, os.cpu_count() or 1), 1)

    @property
    def seconds(self) -> float:
        """Seconds of the whole run without validation. Worker processes read while the device computes."""
        compute, reading = self.step_seconds, self.reading_seconds
        return self.steps * (max(compute, reading) if self.workers else compute + reading)

    @property
    def input_bound(self) -> bool:
        """Whether reading images limits the speed of training."""
        return self.reading_seconds > (self.step_seconds if self.workers else 0.5 * self.step_seconds)


def forecast(setup: RunSetup, stepper: Stepper) -> Forecast:
    """Reads a few images and takes a few steps, which changes the weights; writes nothing."""
    plan = setup.plan
    images, labels, image_seconds = _read_images(setup, min(_IMAGES, plan.split.micro))
    count = 2 if len(labels) > 1 else 1
    first = _timed_step(stepper, (images[:count], labels[:count]), 0)  # first calls load and compile
    seconds = _timed_step(stepper, (images[:count], labels[:count]), 1)
    affordable = int(_BUDGET / 2 / max(seconds / count, 1e-6))
    size = min(plan.split.micro, max(affordable, count))
    size -= size % 2 if size > 1 else 0
    if size > count:
        repeats = -(-size // len(labels))
        batch = (_repeated(images, repeats)[:size], _repeated(labels, repeats)[:size])
        if first + 2 * seconds * size / count < 2 * _BUDGET:
            _timed_step(stepper, batch, 2)  # a new shape may select and compile other algorithms
        times = [_timed_step(stepper, batch, 3)]
        while len(times) < _REPEATS and sum(times) + times[-1] < _BUDGET / 2:
            times.append(_timed_step(stepper, batch, 3 + len(times)))
        seconds, count = median(times), size
    step_seconds = seconds * plan.split.micro / count * plan.split.accumulation
    return Forecast(
        count,
        step_seconds,
        image_seconds,
        setup.recipe.data.workers,
        plan.split.micro * plan.split.accumulation,
        plan.steps,
    )


def _read_images(setup: RunSetup, count: int) -> tuple[Any, Any, float]:
    """(images, labels, seconds per image) of images evenly spaced over the data."""
    dataset = setup.splits.train
    transform = setup.task.train_transform(setup.recipe, setup.built.preprocessing)
    samples = TrainingSamples(dataset, transform, setup.recipe.run.seed)
    indices = evenly_spaced(len(dataset), max(count, 2))
    samples[0, indices[0]]  # opens files and imports
    started = time.perf_counter()
    read = [samples[0, index] for index in indices]
    seconds = (time.perf_counter() - started) / len(read)
    readable = [each for each in read if each.image is not None]
    if not readable:
        raise BadImage(read[0].bad[0].where, read[0].bad[0].reason)
    images, labels, *_ = setup.task.train_collate()(list(islice(readable, count)))
    return images, labels, seconds


def _repeated(batch: Any, times: int) -> Any:
    """A batch of images or labels, repeated."""
    return batch * times if isinstance(batch, list) else torch.cat([batch] * times)


def _timed_step(stepper: Stepper, batch: Batch, step: int) -> float:
    """Seconds of one step."""
    with preserved_randomness():
        started = time.perf_counter()
        stepper([batch], step)  # waits for the device
        return time.perf_counter() - started
