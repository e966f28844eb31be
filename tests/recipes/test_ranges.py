import dataclasses
import typing

import pytest

from parcnet.base import UserError
from parcnet.recipes import Augmentation, Data, Network, Optimizer, Recipe, Run, Schedule, override, read_recipe
from parcnet.recipes.ranges import Range
from parcnet.recipes.task_sections import task_names


def _kinds(hint):
    inner = typing.get_args(hint)
    return {hint} if not inner or typing.get_origin(hint) is typing.Literal else set().union(*map(_kinds, inner))


_TASKS = [type(settings) for name in task_names() if (settings := Recipe(task=name).settings) is not None]
_NUMBERS = [
    (section, field)
    for section in (Network, Data, Augmentation, Optimizer, Schedule, Run, *_TASKS)
    for field in dataclasses.fields(section)
    if _kinds(typing.get_type_hints(section)[field.name]) & {int, float}
]
_PAIRS = ("train_sizes", "decay_epochs")
"""Fields of two numbers whose default is None."""


def test_every_number_of_a_recipe_states_its_range():
    assert len(_NUMBERS) > 50
    assert [
        field.name
        for section, field in _NUMBERS
        if not any(
            isinstance(each, Range)
            for each in getattr(typing.get_type_hints(section, include_extras=True)[field.name], "__metadata__", ())
        )
    ] == []


@pytest.mark.parametrize(
    "value",
    [float("inf"), float("nan"), 1e300, -1, 10**400, 10**5000, True],
    ids=["infinity", "nan", "1e300", "-1", "400 digits", "5000 digits", "true"],
)
def test_absurd_numbers_are_refused_in_every_field(value):
    for section, field in _NUMBERS:
        several = isinstance(field.default, tuple) or field.name in _PAIRS
        with pytest.raises(UserError, match=rf"^{field.name} is .*; expected .*\. Its default is "):
            section(**{field.name: (value, value) if several else value})


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("lr=1e300", "optimizer.lr is 1e+300; expected above 0 and at most 1e+30. Its default is 0.001."),
        ("lr=" + "9" * 400, "; expected above 0 and at most 1e+30"),
        ("lr=1e999", "optimizer.lr is inf; expected above 0"),
        ("lr=.nan", "optimizer.lr is nan; expected above 0"),
        ("ratio=[0.5, .inf]", "augmentation.ratio is (0.5, inf); expected at least 0.001 and at most 1000"),
        ("color_jitter=1e300", "augmentation.color_jitter is 1e+300; expected 0 or more and at most 100"),
        ("threads=100000", "run.threads is 100000; expected at least 1 and at most 1024 threads"),
        ("workers=100000", "data.workers is 100000; expected 0 or more and at most 512 processes"),
        ("batch_size=1000000000", "data.batch_size is 1000000000; expected at least 1 and at most 1000000 images"),
        ("epochs=1000000000000", "; expected at least 1 and at most 1000000 epochs. Its default is 30."),
        ("auto_augment=rand-n1000000000-m9", "numbers of at most 100 in it, e.g. rand-m9-mstd0.5-inc1"),
        ("crop_pct=1e-9", "data.crop_pct is 1e-09; expected at least 0.01"),
        ("seed=" + "9" * 400, "; expected 0 or more and at most 9223372036854775807"),
        ("seed=true", "run.seed is True; expected a whole number"),
        ("name=" + "x" * 300, "; expected at most 200 characters, not 300"),
        ("data_dir=" + "x" * 9999, "; expected at most 4096 characters"),
        ('output="a\\0b"', "expected a text without null characters"),
    ],
    ids=lambda value: value[:20],
)
def test_an_override_out_of_range_names_field_value_range_and_default(setting, message):
    with pytest.raises(UserError) as error:
        override(Recipe(), [setting])
    assert message in str(error.value)
    assert len(str(error.value)) < 20_000


def test_the_values_of_published_recipes_are_in_range():
    Network(img_size=2048, drop_path=0.7, head_init_scale=1e-3)
    Data(batch_size=32_768, workers=128, train_sizes=(128, 2048), crop_pct=1.0)
    Augmentation(scale=(0.05, 1.0), ratio=(0.5, 2.0), color_jitter=0.4, mixup=1.0, cutmix=1.0)
    Augmentation(auto_augment="rand-m15-n2-mstd101-inc1")
    Optimizer(opt="lars", lr=15.0, weight_decay=0.3, clip_grad=1.0, layer_decay=0.65, ema_decay=0.99996)
    Schedule(epochs=1600, warmup_epochs=40.0, min_lr=0.0, warmup_lr=0.0)
    Schedule(iterations=320_000, warmup_steps=1500)
    Run(threads=128, seed=2**63 - 1, save_every=5000)


def test_a_chain_of_bases_has_an_end(tmp_path):
    for number in range(40):
        (tmp_path / f"r{number}.yaml").write_text(f"base: r{number + 1}.yaml\n")
    with pytest.raises(UserError, match="more than 32 recipes"):
        read_recipe(tmp_path / "r0.yaml")
