"""Map the classes of a dataset to those of a checkpoint."""

from collections.abc import Sequence

from parcnet.base import UserError, nearest


def class_indices(
    own: Sequence[str], target: Sequence[str] | None, where: str, per_class: Sequence[int] | None = None
) -> tuple[int, ...]:
    """The index in `target` (None: in `own`) of each class of `own`.

    Raises `UserError` for a class that `target` lacks, unless it has no image by `per_class`; its index is then -1.
    """
    if target is None:
        return tuple(range(len(own)))
    index = {name: position for position, name in enumerate(target)}
    counts = [1] * len(own) if per_class is None else per_class
    unexpected = [name for name, images in zip(own, counts, strict=True) if images and name not in index]
    if unexpected:
        guesses = nearest(unexpected[0], target)
        hint = f" Did you mean {' or '.join(guesses)}?" if guesses else f" It has {', '.join(target[:10])}."
        shown = ", ".join(unexpected[:5]) + (f" and {len(unexpected) - 5} more" if len(unexpected) > 5 else "")
        raise UserError(f"{where} has classes that training does not have: {shown}.{hint}")
    return tuple(index.get(name, -1) for name in own)
