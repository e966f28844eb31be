"""Map the classes of a dataset to those of a checkpoint."""

from collections.abc import Sequence

from parcnet.data.class_names import label_of, normalised, unknown_classes


def class_indices(
    own: Sequence[str], target: Sequence[str] | None, where: str, per_class: Sequence[int] | None = None
) -> tuple[int, ...]:
    """The index in `target` (None: in `own`) of each class of `own`; spellings in NFC and NFD are the same name.

    Raises `UserError` for a class that `target` lacks, unless it has no image by `per_class`; its index is then -1.
    """
    label_of(own)
    if target is None:
        return tuple(range(len(own)))
    index = label_of(target)
    counts = [1] * len(own) if per_class is None else per_class
    unexpected = [name for name, images in zip(own, counts, strict=True) if images and normalised(name) not in index]
    if unexpected:
        raise unknown_classes(where, unexpected, target)
    return tuple(index.get(normalised(name), -1) for name in own)
