"""The labels of a data set as positions in the classes that a checkpoint knows."""

from collections.abc import Sequence

from parcnet.base import UserError, nearest


def positions(
    own: Sequence[str], wanted: Sequence[str] | None, where: str, per_class: Sequence[int] | None = None
) -> tuple[int, ...]:
    """For each class of `own` its position in `wanted` (None: in `own`).

    Raises `UserError` for one that is not there, unless it has no image by `per_class`; then its position is -1.
    """
    if wanted is None:
        return tuple(range(len(own)))
    place = {name: position for position, name in enumerate(wanted)}
    counts = [1] * len(own) if per_class is None else per_class
    strangers = [name for name, images in zip(own, counts, strict=True) if images and name not in place]
    if strangers:
        guesses = nearest(strangers[0], wanted)
        hint = f" Did you mean {' or '.join(guesses)}?" if guesses else f" It has {', '.join(wanted[:10])}."
        shown = ", ".join(strangers[:5]) + (f" and {len(strangers) - 5} more" if len(strangers) > 5 else "")
        raise UserError(f"{where} has classes that training does not have: {shown}.{hint}")
    return tuple(place.get(name, -1) for name in own)
