"""Where a folder may be published: never over its source, nor over anything that `publish` did not write."""

from pathlib import Path

from parcnet.base import UserError, check_writable, is_partial
from parcnet.checkpoint import read_metadata

CARD, CONFIG, WEIGHTS = "README.md", "config.json", "model.safetensors"
"""Files of a published folder: the model card, timm's configuration, and weights that timm and parcnet read."""


def check_target(source: Path, target: Path, overwrite: bool) -> None:
    """Raises `UserError` unless `target` can be written, is apart from `source`, and is absent, empty or ours.

    One of ours, which holds `CARD`, `CONFIG` and `WEIGHTS` and nothing else, is replaced with `overwrite` alone.
    """
    check_writable(target / CONFIG)
    if (reason := _overlap(source, target)) is not None:
        raise UserError(f"--to is {target}, which {reason} {source}: publishing would destroy it. Choose another --to.")
    if target.is_symlink():
        raise UserError(f"{target} is a link. Choose another --to, or name the folder that it leads to.")
    if not target.exists():
        return
    found = sorted(path.name for path in target.iterdir() if not is_partial(path)) if target.is_dir() else None
    if found == []:
        return
    if not overwrite:
        raise UserError(f"{target} exists already. Choose another --to, or pass --overwrite.")
    if found is None or not _published(target, found):
        held = "" if found is None else f" ({', '.join(found[:5])})"
        raise UserError(
            f"{target} was not written by `parcnet publish`, or holds more{held}, so it is not replaced. Choose "
            "another --to, or remove it yourself."
        )


def _overlap(source: Path, target: Path) -> str | None:
    """Whether the target is, holds or lies within the source, links followed."""
    own, other = source.resolve(), target.resolve()
    if own == other or (own.exists() and other.exists() and own.samefile(other)):
        return "is"
    if other in own.parents or (other.exists() and any(each.samefile(other) for each in own.parents if each.exists())):
        return "holds"
    if own in other.parents or (own.exists() and any(each.samefile(own) for each in other.parents if each.exists())):
        return "lies within"
    return None


def _published(folder: Path, names: list[str]) -> bool:
    if sorted(names) != sorted((CARD, CONFIG, WEIGHTS)):
        return False
    try:
        read_metadata(folder / WEIGHTS)
    except UserError:
        return False
    return True
