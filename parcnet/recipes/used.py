"""Which fields a task does not use: one that is set all the same is a mistake, said before any work."""

import dataclasses
from typing import TYPE_CHECKING, Literal

from parcnet.base.errors import UserError

if TYPE_CHECKING:
    from parcnet.recipes.sections import Recipe

TaskName = Literal["classification", "detection", "segmentation"]

_WHOLE_IMAGES = (
    *("augmentation.scale", "augmentation.ratio", "augmentation.color_jitter", "augmentation.auto_augment"),
    *("augmentation.reprob", "augmentation.remode", "augmentation.mixup", "augmentation.cutmix"),
    *("augmentation.mixup_switch_prob", "augmentation.smoothing", "network.head_init_scale"),
    *("data.crop_pct", "data.interpolation", "data.train_interpolation", "data.train_sizes"),
)
"""Fields that only classification has a use for."""
UNUSED: dict[str, tuple[str, ...]] = {
    "classification": ("detection", "segmentation"),
    "detection": (*_WHOLE_IMAGES, "segmentation"),
    "segmentation": (*_WHOLE_IMAGES, "detection"),
}
"""Task -> sections, and section.field, that mean nothing to it."""


def check_used(recipe: "Recipe") -> None:
    """Raises `UserError` for a field that is not at its default although the recipe's task does not use it."""
    for place in UNUSED[recipe.task]:
        section, _, only = place.partition(".")
        values = getattr(recipe, section)
        for each in dataclasses.fields(values):
            value = getattr(values, each.name)
            if only in ("", each.name) and value != each.default:
                raise UserError(
                    f"{section}.{each.name} is {value!r}, which {recipe.task} does not use: leave it out (its default "
                    f"is {each.default!r}), or set task."
                )
