"""How long a run will take, from a step and a few images measured on this machine."""

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
"""Seconds that the measured steps may take together, about."""
_REPEATS = 7
_READ = 48
"""Images that are read to see how long it takes."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Measured seconds, and the run's time they imply."""

    images: int
    """Images in the measured step."""
    step: float
    """Seconds that a whole batch computes: measured with `images`, in proportion for the others."""
    read: float
    """Seconds that one process takes to read and augment an image."""
    readers: int
    """Worker processes that do so; 0: the one that trains."""
    batch: int
    steps: int

    @property
    def reading(self) -> float:
        """Seconds to read a batch by all workers, each on a core of its own as far as there are so many."""
        return self.read * self.batch / max(min(self.readers, os.cpu_count() or 1), 1)

    @property
    def seconds(self) -> float:
        """Of the whole run without validation. Worker processes read while the device computes."""
        return self.steps * (max(self.step, self.reading) if self.readers else self.step + self.reading)

    @property
    def reading_limits(self) -> bool:
        """Whether the device would wait for images most of the time."""
        return self.reading > (self.step if self.readers else 0.5 * self.step)


def forecast(setup: RunSetup, stepper: Stepper) -> Forecast:
    """Reads a few images and takes a few steps: the weights change, nothing is written."""
    plan = setup.plan
    images, labels, read = _read(setup, min(_READ, plan.split.micro))
    count = 2 if len(labels) > 1 else 1
    warm = _step(stepper, (images[:count], labels[:count]), 0)  # first calls load and compile
    once = _step(stepper, (images[:count], labels[:count]), 1)
    fits = int(_BUDGET / 2 / max(once / count, 1e-6))
    most = min(plan.split.micro, max(fits, count))
    most -= most % 2 if most > 1 else 0
    if most > count:
        again = -(-most // len(labels))
        batch = (_repeated(images, again)[:most], _repeated(labels, again)[:most])
        if warm + 2 * once * most / count < 2 * _BUDGET:
            _step(stepper, batch, 2)  # another shape may choose and compile other algorithms
        times = [_step(stepper, batch, 3)]
        while len(times) < _REPEATS and sum(times) + times[-1] < _BUDGET / 2:
            times.append(_step(stepper, batch, 3 + len(times)))
        once, count = median(times), most
    step = once * plan.split.micro / count * plan.split.accumulation
    return Forecast(
        count, step, read, setup.recipe.data.workers, plan.split.micro * plan.split.accumulation, plan.steps
    )


def _read(setup: RunSetup, count: int) -> tuple[Any, Any, float]:
    """(images, labels, seconds an image): images drawn from all over the data."""
    dataset = setup.splits.train
    transform = setup.task.train_transform(setup.recipe, setup.built.preprocessing)
    samples = TrainingSamples(dataset, transform, setup.recipe.run.seed)
    indices = evenly_spaced(len(dataset), max(count, 2))
    samples[0, indices[0]]  # opens files and imports
    started = time.perf_counter()
    found = [samples[0, index] for index in indices]
    seconds = (time.perf_counter() - started) / len(found)
    whole = [each for each in found if each.image is not None]
    if not whole:
        raise BadImage(found[0].bad[0].where, found[0].bad[0].reason)
    images, labels, *_ = setup.task.train_collate()(list(islice(whole, count)))
    return images, labels, seconds


def _repeated(batch: Any, times: int) -> Any:
    """Images, or what belongs to them, so often one after the other."""
    return batch * times if isinstance(batch, list) else torch.cat([batch] * times)


def _step(stepper: Stepper, batch: Batch, step: int) -> float:
    with preserved_randomness():
        started = time.perf_counter()
        stepper([batch], step)  # waits for the device
        return time.perf_counter() - started
