"""Training augmentation of images and labels as a recipe sets it, through timm."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from PIL import Image
from timm.data import Mixup, auto_augment, create_transform
from torchvision.transforms import Compose

from parcnet.base import UserError
from parcnet.data.preprocessing import Preprocessing, ToChannels, Transform
from parcnet.recipes import Augmentation


def train_transform(preprocessing: Preprocessing, augment: Augmentation, interpolation: str | None = None) -> Transform:
    """Random resized crop, flip, colours or RandAugment, normalisation, random erasing, in timm's order.

    `interpolation` may also be `random` (bilinear or bicubic, drawn for each image); None takes the preprocessing's.
    """
    try:
        steps = create_transform(
            (preprocessing.channels, *preprocessing.size),
            is_training=True,
            scale=augment.scale,
            ratio=augment.ratio,
            hflip=augment.hflip,
            color_jitter=augment.color_jitter or None,
            auto_augment=augment.auto_augment,
            interpolation=interpolation or preprocessing.interpolation,
            mean=preprocessing.mean,
            std=preprocessing.std,
            re_prob=augment.reprob,
            re_mode=augment.remode,
        )
    except (AssertionError, KeyError, ValueError, IndexError) as error:
        if augment.auto_augment is None:
            raise
        raise UserError(
            f"timm cannot parse auto_augment {augment.auto_augment!r}. Expected e.g. rand-m9-mstd0.5-inc1."
        ) from error
    for operation in _automatic_operations(steps.transforms):
        if operation.aug_fn is auto_augment.posterize:
            operation.aug_fn = _posterize
    return Compose([ToChannels(preprocessing.channels), *steps.transforms])


def mixup(augment: Augmentation, num_classes: int) -> Mixup | None:
    """timm's batch-wise mixup and cutmix with label smoothing; None when the recipe uses neither.

    Draws from numpy's global generator; the batch size must be even.
    """
    if not (augment.mixup or augment.cutmix):
        return None
    return Mixup(
        mixup_alpha=augment.mixup,
        cutmix_alpha=augment.cutmix,
        switch_prob=augment.mixup_switch_prob,
        label_smoothing=augment.smoothing,
        num_classes=num_classes,
    )


def _automatic_operations(steps: list[Any]) -> Iterator[auto_augment.AugmentOp]:
    """The operations that RandAugment, AugMix and AutoAugment among `steps` choose from."""
    for step in steps:
        yield from getattr(step, "ops", ())
        yield from chain.from_iterable(getattr(step, "policy", ()))


def _posterize(image: Image.Image, bits_to_keep: int, **options: Any) -> Image.Image:
    """timm's, but black for 0 bits as in older Pillow: timm requests 0 at full magnitude, and Pillow 13 raises."""
    if bits_to_keep == 0:
        return Image.new(image.mode, image.size)
    return auto_augment.posterize(image, bits_to_keep, **options)
