"""The packaged recipes against facts.md, section 2, and the papers."""

from dataclasses import asdict

import pytest
import timm

import parcnet  # noqa: F401 - registers the networks
from parcnet.recipes import packaged, read_recipe

# facts.md, section 2, "ImageNet-1K, T/S/B"; epochs and batch as in the paper's text (ICCV 2023, Sec. 4.1 and Tab. 2)
IMAGENET1K = {
    ("network", "img_size"): 224,
    ("data", "batch_size"): 2048,
    ("data", "crop_pct"): 0.875,
    ("data", "interpolation"): "bicubic",
    ("data", "train_interpolation"): "random",
    ("augmentation", "color_jitter"): 0.4,
    ("augmentation", "auto_augment"): "rand-m9-mstd0.5-inc1",
    ("augmentation", "reprob"): 0.25,
    ("augmentation", "remode"): "pixel",
    ("augmentation", "mixup"): 0.8,
    ("augmentation", "cutmix"): 1.0,
    ("augmentation", "mixup_switch_prob"): 0.5,
    ("augmentation", "smoothing"): 0.1,
    ("optimizer", "opt"): "adamw",
    ("optimizer", "lr"): 4e-3,
    ("optimizer", "weight_decay"): 0.05,
    ("optimizer", "clip_grad"): None,
    ("optimizer", "layer_decay"): None,
    ("optimizer", "ema_decay"): None,
    ("schedule", "epochs"): 300,
    ("schedule", "warmup_epochs"): 20,
    ("schedule", "warmup_lr"): 1e-6,
    ("schedule", "min_lr"): 1e-5,
    ("run", "amp"): "none",
}
DROP_PATH = {"tiny": 0.2, "small": 0.3, "base": 0.4, "xt": 0.1}
TARGET = {"tiny": "83.5", "small": "84.3", "base": "84.6", "xt": "79.4"}


@pytest.mark.parametrize("size", DROP_PATH)
@pytest.mark.parametrize("key", IMAGENET1K, ids=".".join)
def test_imagenet1k_has_the_published_hyperparameters(size, key):
    section, field = key
    assert asdict(read_recipe(f"imagenet1k_{size}"))[section][field] == IMAGENET1K[key]


@pytest.mark.parametrize("size", DROP_PATH)
def test_imagenet1k_network_drop_path_and_target(size):
    name = f"imagenet1k_{size}"
    recipe = read_recipe(name)
    assert (recipe.network.model, recipe.network.drop_path) == (f"parcnetv2_{size}", DROP_PATH[size])
    assert f"Target: {TARGET[size]} top-1. Not reproduced by us yet." in packaged()[name]


@pytest.mark.parametrize("name", packaged())
def test_every_recipe_reads_and_names_a_registered_network(name):
    recipe = read_recipe(name)
    assert recipe.name == name
    assert timm.is_model(recipe.network.model)


@pytest.mark.parametrize("name", packaged())
def test_every_recipe_begins_with_a_lab_note(name):
    assert len(packaged()[name]) > 40


def test_digits_are_never_mirrored():
    assert read_recipe("digits").augmentation.hflip == 0


def test_digits_do_not_depend_on_the_number_of_cores():
    assert read_recipe("digits").run.threads == 1
