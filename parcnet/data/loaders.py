"""Images and labels in batches, the same for any number of worker processes."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.context import BaseContext
from typing import Any

import torch
from torch.utils.data import DataLoader

from parcnet.base import UserError
from parcnet.data.bad_images import BadImages
from parcnet.data.datasets import LabelledImages, OrdersItself
from parcnet.data.preprocessing import Joint, Transform
from parcnet.data.sampler import EpochSampler
from parcnet.data.samples import Batch, EvaluationSamples, Sample, TrainingSamples, collate

Collate = Callable[[Sequence[Sample]], Batch]
"""Samples -> a batch: `collate` for images of one size, `collate_lists` for those of many."""


class Batches:
    """One pass: iterates over (images [B, C, H, W] float32, labels [B] int64), or what `collate` makes of other tasks'
    samples; `len` counts batches.

    Raises `UserError` for more than `max_bad_images` unreadable images and for a worker process that dies.
    """

    def __init__(self, loader: "DataLoader[Batch]", *, max_bad_images: int, skip_bad: bool) -> None:
        self._loader = loader
        self._max_bad_images = max_bad_images
        self._skip_bad = skip_bad

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        bad = BadImages(self._max_bad_images)
        try:
            for batch in self._loader:
                bad.add(batch.bad)
                if batch.lost and not self._skip_bad:
                    raise UserError(f"{batch.bad[0]}; nor could the images drawn in its place. Check the data.")
                if len(batch.labels):
                    yield batch.images, batch.labels
        except RuntimeError as error:
            if not any(end in str(error) for end in ("exited unexpectedly", "killed by signal")):
                raise
            raise UserError(
                f"a process that reads images died ({error}). Most often memory or shared memory (/dev/shm) ran out: "
                "use fewer --workers; --workers 0 reads in the main process."
            ) from error


def train_loader(
    dataset: LabelledImages,
    *,
    transform: Transform | Joint,
    batch_size: int,
    seed: int,
    epoch: int,
    workers: int,
    rank: int = 0,
    world: int = 1,
    max_bad_images: int = 0,
    drop_last: bool = True,
    start_batch: int = 0,
    pin_memory: bool = False,
    collate: Collate = collate,
) -> Batches:
    """The shuffled, augmented batches of one epoch for one rank, from `start_batch` on.

    Bit-equal whatever the number of workers and wherever it starts: an image depends on (seed, epoch, index), the
    order on (seed, epoch). An unreadable image is named and replaced by another one. The global random generators
    stay as they were.

    Raises `UserError` when there are too few images for one whole batch; with `drop_last=False` a smaller one is made.
    """
    share = len(dataset) // world
    if share < (batch_size if drop_last else 1):
        possible = max(share - share % 2, 1)  # even, since mixup pairs the images of a batch
        ranks = f" on each of {world} ranks" if world > 1 else ""
        raise UserError(
            f"{len(dataset)} training images cannot fill one batch of {batch_size}{ranks}: "
            f"use --batch-size {possible} or less, or add images."
        )
    sampler = EpochSampler(
        len(dataset),
        seed=seed,
        epoch=epoch,
        rank=rank,
        world=world,
        start=start_batch * batch_size,
        shuffle=dataset.order if isinstance(dataset, OrdersItself) else None,
    )
    loader: DataLoader[Batch] = DataLoader(
        TrainingSamples(dataset, transform, seed),  # type: ignore[arg-type]  # torch types a loader by its samples
        batch_size,
        sampler=sampler,
        drop_last=drop_last,
        num_workers=workers,
        collate_fn=collate,
        pin_memory=pin_memory,
        multiprocessing_context=_processes(workers),
        worker_init_fn=_leave_interrupts_to_us,
        generator=torch.Generator(),  # else the loader would draw from the global one
    )
    return Batches(loader, max_bad_images=max_bad_images, skip_bad=False)


def eval_loader(
    dataset: LabelledImages,
    *,
    transform: Transform | Joint,
    batch_size: int,
    workers: int,
    rank: int = 0,
    world: int = 1,
    max_bad_images: int = 0,
    pin_memory: bool = False,
    collate: Collate = collate,
) -> Batches:
    """Every image once, in order; the last batch may be smaller. Unreadable images are named and left out.

    Rank r of w takes images r, r + w, r + 2w, ..., so together they take each once; one may take an image less.
    """
    loader: DataLoader[Batch] = DataLoader(
        EvaluationSamples(dataset, transform),  # type: ignore[arg-type]  # as in train_loader
        batch_size,
        sampler=range(rank, len(dataset), world),
        num_workers=workers,
        collate_fn=collate,
        pin_memory=pin_memory,
        multiprocessing_context=_processes(workers),
        worker_init_fn=_leave_interrupts_to_us,
        generator=torch.Generator(),
    )
    return Batches(loader, max_bad_images=max_bad_images, skip_bad=True)


def _processes(workers: int) -> BaseContext | None:
    """How workers are started: forked from a clean server, not from us, since forking threads may deadlock."""
    if workers == 0:
        return None
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # imported once, by the server; else every worker of every epoch would
    return context


def _leave_interrupts_to_us(_: int) -> None:
    """Ctrl-C reaches all processes of a terminal: a worker that it ended would take the last step with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
