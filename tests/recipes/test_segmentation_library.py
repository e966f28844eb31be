"""The segmentation recipes against facts.md, section 2, and the papers."""

import pytest

from parcnet.base import UserError
from parcnet.recipes import packaged, read_recipe
from parcnet.tasks.segmentation.recipe import SegmentationSettings
from parcnet_lab.paper.printed import tables

# facts.md, section 2 (the UperNet columns and the lines below the table), and supplement G
SHARED = {
    ("network", "kernel_fit"): "fixed",
    ("data", "batch_size"): 16,
    ("augmentation", "hflip"): 0.5,
    ("optimizer", "opt"): "adamw",
    ("optimizer", "lr"): 1e-4,
    ("optimizer", "layer_decay"): 0.9,
    ("optimizer", "layer_decay_by"): "stages",
    ("schedule", "decay"): "poly",
    ("schedule", "poly_power"): 1.0,
    ("schedule", "iterations"): 160_000,
    ("schedule", "warmup_steps"): 1500,
    ("schedule", "warmup_lr"): 1e-6,
    ("segmentation", "crop_size"): (512, 512),
    ("segmentation", "resize_range"): (0.5, 2.0),
    ("segmentation", "photometric"): True,
    ("segmentation", "category_limit"): 0.75,
    ("segmentation", "reduce_zero_label"): True,
    ("segmentation", "inference"): "slide",
    ("segmentation", "stride"): (341, 341),
    ("segmentation", "decoder_channels"): 512,
    ("segmentation", "auxiliary_channels"): 256,
    ("segmentation", "auxiliary_weight"): 0.4,
}
SIZES = {
    "tiny": {"drop_path": 0.3, "weight_decay": 0.05, "layer_decay_groups": 6},
    "small": {"drop_path": 0.3, "weight_decay": 0.05, "layer_decay_groups": 12},
    "base": {"drop_path": 0.5, "weight_decay": 0.02, "layer_decay_groups": 12},
}


@pytest.mark.parametrize("size", SIZES)
def test_supplement_g_hyperparameters_of_every_size(size):
    recipe = read_recipe(f"upernet_{size}").to_dict()
    assert (recipe["task"], recipe["network"]["model"]) == ("segmentation", f"parcnetv2_{size}")
    assert {key: recipe[key[0]][key[1]] for key in SHARED} == SHARED
    found = {"drop_path": recipe["network"]["drop_path"]}
    found |= {name: recipe["optimizer"][name] for name in ("weight_decay", "layer_decay_groups")}
    assert found == SIZES[size]


@pytest.mark.parametrize("size", SIZES)
def test_targets_are_those_of_supplement_tab6(size):
    row = next(each for each in tables()["supp-table6"].rows if each.subject.network == f"parcnetv2_{size}")
    assert (
        f"Target: {row.printed['miou_ms']} mIoU, multi-scale. Not reproduced by us yet."
        in packaged()[f"upernet_{size}"]
    )


def test_arxiv_tab4_interpolates_kernels_and_evaluates_at_one_scale():
    recipe, tiny = (read_recipe(name).to_dict() for name in ("upernet_26m_interpolated", "upernet_tiny"))
    assert "Target: 48.2 mIoU, single scale" in packaged()["upernet_26m_interpolated"]
    assert recipe["network"] == {**tiny["network"], "model": "parcnetv2_26m", "kernel_fit": "interpolate"}
    assert {**recipe, "name": "", "network": {}} == {**tiny, "name": "", "network": {}}


def test_fields_that_the_task_does_not_use_are_refused(tmp_path):
    for text, message in (
        (
            "segmentation:\n  crop_size: [64, 64]\n  stride: [64, 64]\n",
            "section segmentation belongs to another task; this recipe's task is classification",
        ),
        (
            "task: segmentation\naugmentation:\n  mixup: 0.8\n",
            "augmentation.mixup is 0.8, which segmentation does not use",
        ),
        ("base: digits\ntask: segmentation\n", "which segmentation does not use"),
    ):
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=message):
            read_recipe(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("decoder_channels", 0),
        ("decoder_dropout", 1.0),
        ("auxiliary_weight", -1.0),
        ("crop_size", (0, 512)),
        ("resize_to", (512, 256)),
        ("resize_range", (2.0, 0.5)),
        ("category_limit", 0.0),
        ("stride", (600, 341)),
    ],
)
def test_an_error_names_the_field_and_the_expected_range(field, value):
    with pytest.raises(UserError, match=f"{field} is .*; expected"):
        SegmentationSettings(**{field: value})
