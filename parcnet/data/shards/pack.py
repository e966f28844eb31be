"""`parcnet data pack` and `parcnet data index`: shards, index and manifest of a packed dataset."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from parcnet.base import UserError, is_partial, write_json
from parcnet.data.image_walk import Skipped, warn_skipped
from parcnet.data.images import BadImage
from parcnet.data.shards.file_hash import file_sha256
from parcnet.data.shards.manifest import NAME, Manifest, PackedFile, PackedSplit, Shard
from parcnet.data.shards.parquet_shards import check_pyarrow
from parcnet.data.shards.shard_plan import SPLITS, Layout, ShardPlan
from parcnet.data.shards.shard_writing import Advance, PackedShard, PackingJob, pack_shards, silent
from parcnet.data.shards.tar_index import DTYPE, write_index
from parcnet.data.shards.tar_shards import read_tar


@dataclass(frozen=True, slots=True)
class PackResult:
    """The content of the packed folder."""

    manifest: Manifest
    bad: tuple[BadImage, ...]
    """Images that were left out."""
    kept: int
    """Shards of an earlier run that were kept."""

    @property
    def bytes(self) -> int:
        return sum(shard.bytes for split in self.manifest.splits.values() for shard in split.shards)


def pack(
    plan: ShardPlan, target: Path, layout: Layout, workers: int = 0, max_bad: int = 0, advance: Advance = silent
) -> PackResult:
    """Writes the shards, then their index, then the manifest. See `pack_shards`."""
    if layout == "parquet":
        check_pyarrow()
    foreign = [path.name for path in target.iterdir() if not _ours(path)] if target.is_dir() else []
    if foreign:
        raise UserError(f"{target} holds {foreign[0]!r}, which is not a packed file; choose an empty or new folder.")
    _refuse_other_shards(plan, target)
    packed = pack_shards(plan, PackingJob(target, layout, plan.classes), workers, max_bad, advance)
    splits = {
        split: _split(target, split, [each for each in packed if each.task.split == split], layout, len(plan.classes))
        for split in dict.fromkeys(task.split for task in plan.tasks)
    }
    manifest = Manifest(plan.name, layout, plan.classes, splits)
    _finish(target, manifest)
    bad = tuple(error for each in packed for error in each.bad)
    return PackResult(manifest, bad, sum(each.kept for each in packed))


def index(folder: Path, classes: Sequence[str] | None, advance: Advance = silent) -> Manifest:
    """Writes index and manifest for the tar shards in `folder`, e.g. webdataset's or those of an interrupted run.

    A file belongs to the split that its name contains. `classes` names the labels 0, 1, ...; with None the numbers are
    the names. Raises `UserError` for damaged shards and for a label without a name.
    """
    shards = {split: sorted(folder.glob(f"*{split}*.tar")) for split in SPLITS}
    shards["val"] = sorted({*shards["val"], *folder.glob("*validation*.tar")})
    shards = {split: paths for split, paths in shards.items() if paths}
    if not shards:
        raise UserError(f"{folder} has no tar files with train, val or test in their names.")
    rows: dict[str, list[tuple[int, int, int, int]]] = {}
    skipped: dict[str, Skipped] = {}
    counts: dict[str, list[int]] = {}
    for split, paths in shards.items():
        rows[split], counts[split] = [], []
        for number, path in enumerate(paths):
            members = list(read_tar(path, skipped))
            rows[split] += [(number, member.offset, member.size, member.label) for member in members]
            counts[split].append(len(members))
            advance(1, path.name)
        if not rows[split]:
            what = "; ".join(f"{each.count} ({reason}), e.g. {each.examples[0]}" for reason, each in skipped.items())
            raise UserError(
                f"{folder} has no images of {split}: its shards hold {what or 'nothing'}. Expected pairs NAME.jpg and "
                "NAME.cls."
            )
    warn_skipped(skipped, f"{folder}: ")
    highest = max((row[3] for split in rows.values() for row in split), default=0)
    names = tuple(str(number) for number in range(highest + 1)) if classes is None else tuple(classes)
    if highest >= len(names):
        raise UserError(f"{folder} has the label {highest}, but only {len(names)} class names (labels start at 0).")
    splits = {}
    for split, paths in shards.items():
        described = [_shard(folder, path, images) for path, images in zip(paths, counts[split], strict=True)]
        splits[split] = _indexed(folder, split, np.array(rows[split], DTYPE), described, len(names))
    manifest = Manifest(folder.resolve().name, "wds", names, splits)
    _finish(folder, manifest)
    return manifest


def _split(target: Path, split: str, packed: Sequence[PackedShard], layout: Layout, classes: int) -> PackedSplit:
    shards = [each.shard for each in packed]
    rows = np.concatenate([each.rows for each in packed])
    if layout == "parquet":
        return PackedSplit(tuple(np.bincount(rows[:, 3], minlength=classes).tolist()), tuple(shards), None)
    entries = np.empty(len(rows), DTYPE)
    entries["shard"] = np.repeat(np.arange(len(packed)), [len(each.rows) for each in packed])
    entries["offset"], entries["size"], entries["label"] = rows[:, 1], rows[:, 2], rows[:, 3]
    return _indexed(target, split, entries[np.argsort(rows[:, 0])], shards, classes)


def _indexed(folder: Path, split: str, rows: NDArray[np.void], shards: Sequence[Shard], classes: int) -> PackedSplit:
    path = folder / f"{split}.index"
    write_index(path, rows)
    per_class = tuple(np.bincount(rows["label"], minlength=classes).tolist())
    return PackedSplit(per_class, tuple(shards), PackedFile(path.name, path.stat().st_size, file_sha256(path)))


def _shard(folder: Path, path: Path, images: int) -> Shard:
    return Shard(str(path.relative_to(folder)), path.stat().st_size, file_sha256(path), images)


def _finish(folder: Path, manifest: Manifest) -> None:
    if manifest.layout == "wds":  # timm's own wds/ reader expects _info.json
        splits = {
            name: {
                "name": name,
                "num_samples": split.images,
                "filenames": [shard.name for shard in split.shards],
                "shard_lengths": [shard.images for shard in split.shards],
            }
            for name, split in manifest.splits.items()
        }
        write_json(folder / "_info.json", {"splits": splits})
    manifest.write(folder)


def _refuse_other_shards(plan: ShardPlan, target: Path) -> None:
    """Raises `UserError` for shards with other names: a reader that takes every file would read images twice."""
    planned = {task.name for task in plan.tasks}
    present = (
        path.relative_to(target).as_posix()
        for path in target.rglob("[!.]*")
        if path.suffix in (".tar", ".parquet") and not any(map(is_partial, path.parts))
    )
    if others := sorted(set(present) - planned):
        raise UserError(
            f"{target} holds {others[0]}, a shard of other images, another --format or another --shard-size. Delete "
            "the packed folder or choose another."
        )


def _ours(path: Path) -> bool:
    known = path.name in (NAME, "_info.json", "data") or path.name.endswith((".index", ".tar"))
    return known or path.name.startswith(".")
