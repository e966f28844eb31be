"""Write the shards of an image folder in parallel. Resumable: an existing shard is complete and is kept, unless
the content of an image has changed."""

import hashlib
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from parcnet.base import UserError, atomic_path, open_regular, printable
from parcnet.data.images import BadImage, decode_image, read_image
from parcnet.data.shards.file_hash import file_sha256
from parcnet.data.shards.manifest import Shard
from parcnet.data.shards.parquet_shards import read_parquet, write_parquet
from parcnet.data.shards.shard_plan import Layout, ShardPlan, ShardSource, ShardTask
from parcnet.data.shards.tar_shards import Member, member_name, read_tar, write_tar

Advance = Callable[[int, str], None]
"""advance(n, note): n more images, or shards, are done."""

_POLL = 0.5  # seconds between updates of the progress


def silent(n: int, note: str) -> None:
    """The `Advance` without output."""


@dataclass(frozen=True, slots=True)
class PackedShard:
    """A finished shard."""

    task: ShardTask
    shard: Shard
    rows: NDArray[np.int64]
    """[images, 4] in file order: index in the packed image folder, offset (parquet: 0), size, label."""
    bad: tuple[BadImage, ...]
    kept: bool
    """Written by an earlier run."""


@dataclass(frozen=True, slots=True)
class PackingJob:
    """What a worker needs besides its `ShardTask`."""

    target: Path
    layout: Layout
    classes: tuple[str, ...]


def pack_shards(plan: ShardPlan, job: PackingJob, workers: int, max_bad: int, advance: Advance) -> list[PackedShard]:
    """Writes every missing shard and checks existing ones against the names and contents of their sources.

    Every image is fully decoded; unreadable ones are left out and returned. Raises `UserError` naming them when there
    are more than `max_bad`, for a shard of other images, and when a worker dies. `advance` counts images.
    """
    if workers == 0:
        _start_worker(None, None)
        packed = [_with_progress(task, job, max_bad, advance) for task in plan.tasks]
    else:
        packed = _in_parallel(plan, job, workers, max_bad, advance)
    _check(packed, max_bad)
    return packed


def _with_progress(task: ShardTask, job: PackingJob, max_bad: int, advance: Advance) -> PackedShard:
    packed = _pack(task, job, max_bad)
    advance(len(task.sources), task.name)
    return packed


def _in_parallel(plan: ShardPlan, job: PackingJob, workers: int, max_bad: int, advance: Advance) -> list[PackedShard]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    done, stop = context.Value("q", 0), context.Event()
    pool = ProcessPoolExecutor(min(workers, len(plan.tasks)), context, _start_worker, (done, stop))
    reported = 0
    try:
        pending: set[Future[PackedShard]] = {pool.submit(_pack, task, job, max_bad) for task in plan.tasks}
        packed: list[PackedShard] = []
        while pending:
            finished, pending = wait(pending, _POLL, FIRST_COMPLETED)
            packed += [each.result() for each in finished]
            _check(packed, max_bad)
            advance(done.value - reported, f"{len(packed)} of {len(plan.tasks)} shards")
            reported = done.value
    except BrokenProcessPool:
        raise UserError(
            "a packing process died, most often because memory ran out. Finished shards are kept: run the same command "
            "again, with fewer --workers."
        ) from None
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
    order = {task.name: position for position, task in enumerate(plan.tasks)}
    return sorted(packed, key=lambda each: order[each.task.name])


def _check(packed: list[PackedShard], max_bad: int) -> None:
    bad = [error for each in packed for error in each.bad]
    if len(bad) > max_bad:
        first = "\n".join(f"  {printable(error.where)}: {error.reason}" for error in bad[:5])
        raise UserError(
            f"at least {len(bad)} unreadable image{'s' * (len(bad) > 1)}, {max_bad} allowed:\n{first}\n"
            "Repair or remove them, or leave them out with --max-bad-images. Finished shards are kept."
        )


class _Stopped(Exception):
    """Another worker failed, or the user interrupted the command."""


_done: "Synchronized[int] | None" = None  # in a worker: images processed by all workers
_stop: Event | None = None


def _start_worker(done: "Synchronized[int] | None", stop: Event | None) -> None:
    global _done, _stop
    _done, _stop = done, stop
    if done is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the main one sets `stop`


def _pack(task: ShardTask, job: PackingJob, max_bad: int) -> PackedShard:
    path = job.target / task.name
    if path.is_file() and (kept := _kept(task, job, path)) is not None:
        return kept
    bad: list[BadImage] = []
    good: list[ShardSource] = []

    def images() -> Iterator[tuple[str, bytes, int]]:
        for source in task.sources:
            content = _verified(source, bad)
            if len(bad) > max_bad:
                raise _Stopped
            if content is not None:
                good.append(source)
                yield _name(source, job.layout), content, source.label
            _count(1)

    try:
        with atomic_path(path) as temporary:
            members = _write(temporary, images(), job)
            size, digest = temporary.stat().st_size, file_sha256(temporary)
    except _Stopped:
        return PackedShard(task, Shard(task.name, 0, "", 0), _rows([], []), tuple(bad), False)
    rows = _rows([source.number for source in good], members)
    return PackedShard(task, Shard(task.name, size, digest, len(good)), rows, tuple(bad), False)


def _write(path: Path, images: Iterator[tuple[str, bytes, int]], job: PackingJob) -> tuple[Member, ...]:
    if job.layout == "wds":
        return tuple(write_tar(path, images))
    write_parquet(path, images, job.classes)
    return tuple(member for member, _ in _images(path, job.layout))


def _images(path: Path, layout: Layout) -> Iterator[tuple[Member, bytes]]:
    """The images in a shard and their contents."""
    if layout == "parquet":
        for name, content, label in read_parquet(path):
            yield Member(name, 0, len(content), label), content
        return
    with open_regular(path) as file:
        for member in read_tar(path):
            file.seek(member.offset)
            yield member, file.read(member.size)


def _kept(task: ShardTask, job: PackingJob, path: Path) -> PackedShard | None:
    """A shard of an earlier run; None where the content of an image has changed since.

    Raises `UserError` unless it holds images of the task's names and labels, unreadable ones excepted.
    """
    members: list[Member] = []
    digests: dict[str, bytes] = {}
    for member, content in _images(path, job.layout):
        members.append(member)
        digests[member.name] = _digest(content)
    present = {member.name: member for member in members}
    bad: list[BadImage] = []
    good = []
    changed = False
    for source in task.sources:
        found = present.pop(_name(source, job.layout), None)
        if found is None and _verified(source, bad) is None:
            continue
        if found is None or found.label != source.label:
            raise _other(path, source.relative)
        changed = changed or _digest(_content(source)) != digests[found.name]
        good.append(source.number)
    if present:
        raise _other(path, next(iter(present)))
    if changed:
        return None
    _count(len(task.sources))
    shard = Shard(task.name, path.stat().st_size, file_sha256(path), len(members))
    return PackedShard(task, shard, _rows(good, tuple(members)), tuple(bad), True)


def _content(source: ShardSource) -> bytes:
    """Of the image file; empty for an unreadable one."""
    if _stop is not None and _stop.is_set():
        raise _Stopped
    try:
        return read_image(source.path)
    except BadImage:
        return b""


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def _rows(numbers: Sequence[int], members: Sequence[Member]) -> NDArray[np.int64]:
    rows = [(number, *member[1:]) for number, member in zip(numbers, members, strict=True)]
    return np.array(rows, np.int64).reshape(-1, 4)


def _other(path: Path, name: str) -> UserError:
    return UserError(
        f"{path} was packed from other images, or with another --shard-size: {name} differs. Delete the packed folder "
        "or choose another."
    )


def _verified(source: ShardSource, bad: list[BadImage]) -> bytes | None:
    if _stop is not None and _stop.is_set():
        raise _Stopped
    try:
        content = read_image(source.path)
        decode_image(content, source.path)
    except BadImage as error:
        bad.append(error)
    else:
        return content
    return None


def _name(source: ShardSource, layout: Layout) -> str:
    return member_name(source.relative, source.number) if layout == "wds" else printable(source.relative)


def _count(images: int) -> None:
    if _done is not None:
        with _done.get_lock():
            _done.value += images
