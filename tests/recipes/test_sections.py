import dataclasses
import typing
from collections import Counter

import pytest

from parcnet.base import UserError
from parcnet.recipes import Augmentation, Data, Network, Optimizer, Recipe, Run, Schedule


def test_field_names_are_unique_so_that_flags_are_flat():
    sections = [kind for kind in typing.get_type_hints(Recipe).values() if dataclasses.is_dataclass(kind)]
    names = Counter(field.name for section in (Recipe, *sections) for field in dataclasses.fields(section))
    assert len(sections) >= 6
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize(
    ("section", "field", "value"),
    [
        (Network, "img_size", 0),
        (Network, "in_chans", 2),
        (Network, "drop_path", 1.0),
        (Data, "batch_size", 0),
        (Data, "workers", -1),
        (Data, "max_bad_images", -1),
        (Data, "crop_pct", 0.0),
        (Augmentation, "scale", (0.9, 0.1)),
        (Augmentation, "ratio", (0.0, 1.0)),
        (Augmentation, "hflip", 1.5),
        (Augmentation, "mixup", -0.1),
        (Augmentation, "smoothing", 1.0),
        (Optimizer, "lr", 0.0),
        (Optimizer, "lr", float("nan")),
        (Optimizer, "weight_decay", -1.0),
        (Optimizer, "clip_grad", 0.0),
        (Optimizer, "layer_decay", 1.5),
        (Optimizer, "ema_decay", 0.0),
        (Optimizer, "ema_decay", 1.0),
        (Schedule, "epochs", 0),
        (Schedule, "warmup_epochs", 30.0),
        (Schedule, "min_lr", -1.0),
        (Schedule, "cooldown_epochs", -1),
        (Network, "head_init_scale", 0.0),
        (Data, "micro_batch", 0),
        (Data, "train_sizes", (64, 100)),
        (Data, "train_sizes", (128, 96)),
        (Optimizer, "layer_decay_groups", 3),
        (Optimizer, "max_skipped_steps", -1),
        (Run, "threads", 0),
        (Run, "eval_every", 0),
        (Run, "save_every", 0),
        (Run, "keep_every", 0),
        (Run, "seed", -1),
        (Run, "log_every", 0),
    ],
)
def test_an_error_names_the_field_and_the_expected_range(section, field, value):
    with pytest.raises(UserError, match=f"{field} is .*; expected"):
        section(**{field: value})
