"""Data loaders whose batches do not depend on the number of worker processes."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.context import BaseContext
from typing import Any

import torch
from torch.utils.data import DataLoader

from parcnet.base import UserError
from parcnet.data.bad_images import BadImages
from parcnet.data.datasets import LabelledImages, SupportsEpochOrder
from parcnet.data.preprocessing import JointTransform, Transform
from parcnet.data.sampler import EpochSampler
from parcnet.data.samples import Batch, EvaluationSamples, Sample, TrainingSamples, collate

Collate = Callable[[Sequence[Sample]], Batch]
"""Samples -> a batch: `collate` for images of one size, `collate_lists` for images of different sizes."""


class Batches:
    """One pass over the data: iterates over (images [B, C, H, W] float32, labels [B] int64), or over what the task's
    `collate` returns; `len` counts batches.

    Raises `UserError` for more than `max_bad_images` unreadable images and when a worker process dies.
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
                    raise UserError(f"{batch.bad[0]}; its replacements cannot be read either. Check the data.")
                if len(batch.labels):
                    yield batch.images, batch.labels
        except RuntimeError as error:
            if not any(end in str(error) for end in ("exited unexpectedly", "killed by signal")):
                raise
            raise UserError(
                f"a data loader worker died ({error}), most often because memory or shared memory (/dev/shm) ran out: "
                "use fewer --workers; --workers 0 reads in the main process."
            ) from error


def train_loader(
    dataset: LabelledImages,
    *,
    transform: Transform | JointTransform,
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

    Bit-identical for any number of workers and any start: an image depends on (seed, epoch, index), the order on
    (seed, epoch). An unreadable image is replaced by another one, with a warning. The global random generators keep
    their state.

    Raises `UserError` when the images do not fill one batch; `drop_last=False` allows a smaller one.
    """
    per_rank = len(dataset) // world
    if per_rank < (batch_size if drop_last else 1):
        possible = max(per_rank - per_rank % 2, 1)  # even, since mixup pairs the images of a batch
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
        shuffle=dataset.order if isinstance(dataset, SupportsEpochOrder) else None,
    )
    loader: DataLoader[Batch] = DataLoader(
        TrainingSamples(dataset, transform, seed),  # type: ignore[arg-type]  # torch types a loader by its samples
        batch_size,
        sampler=sampler,
        drop_last=drop_last,
        num_workers=workers,
        collate_fn=collate,
        pin_memory=pin_memory,
        multiprocessing_context=_context(workers),
        worker_init_fn=_ignore_interrupts,
        generator=torch.Generator(),  # otherwise the loader draws from the global generator
    )
    return Batches(loader, max_bad_images=max_bad_images, skip_bad=False)


def eval_loader(
    dataset: LabelledImages,
    *,
    transform: Transform | JointTransform,
    batch_size: int,
    workers: int,
    rank: int = 0,
    world: int = 1,
    max_bad_images: int = 0,
    pin_memory: bool = False,
    collate: Collate = collate,
) -> Batches:
    """Every image once, in order; the last batch may be smaller. Unreadable images are skipped, with a warning.

    Rank r of w takes images r, r + w, r + 2w, ...; some ranks may have one image fewer.
    """
    loader: DataLoader[Batch] = DataLoader(
        EvaluationSamples(dataset, transform),  # type: ignore[arg-type]  # as in train_loader
        batch_size,
        sampler=range(rank, len(dataset), world),
        num_workers=workers,
        collate_fn=collate,
        pin_memory=pin_memory,
        multiprocessing_context=_context(workers),
        worker_init_fn=_ignore_interrupts,
        generator=torch.Generator(),
    )
    return Batches(loader, max_bad_images=max_bad_images, skip_bad=True)


def _context(workers: int) -> BaseContext | None:
    """`forkserver`, since forking a process with threads may deadlock."""
    if workers == 0:
        return None
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # imported once by the server, not by every worker of every epoch
    return context


def _ignore_interrupts(_: int) -> None:
    """Ctrl-C reaches every process of a terminal; the main process still needs its workers to finish the step."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
