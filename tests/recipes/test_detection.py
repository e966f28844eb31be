"""The detection recipes against facts.md, section 2, and the tables whose rows they are."""

import pytest

from parcnet.base import UserError
from parcnet.recipes import override, packaged, read_recipe
from parcnet.tasks.detection.recipe import DetectionSettings
from parcnet_lab.paper.printed import tables

# facts.md, section 2: (drop path, lr, weight decay, layer-wise decay, groups)
PARCNETV2 = {
    "mask_rcnn_tiny": (0.4, 1e-4, 0.05, 0.95, 7),
    "cascade_mask_rcnn_tiny": (0.4, 2e-4, 0.05, 0.7, 7),
    "cascade_mask_rcnn_small": (0.6, 2e-4, 0.05, 0.7, 13),
    "cascade_mask_rcnn_base": (0.7, 2e-4, 0.05, 0.8, 13),
}
# ConvNeXt's published detection configurations
CONVNEXT = {
    "mask_rcnn_convnext_tiny": (0.4, 1e-4, 0.05, 0.95, 6),
    "cascade_mask_rcnn_convnext_tiny": (0.4, 2e-4, 0.05, 0.7, 6),
    "cascade_mask_rcnn_convnext_small": (0.6, 2e-4, 0.05, 0.7, 12),
    "cascade_mask_rcnn_convnext_base": (0.7, 2e-4, 0.05, 0.8, 12),
}
SWIN = ("mask_rcnn_swin_tiny", *(f"cascade_mask_rcnn_swin_{size}" for size in ("tiny", "small", "base")))
ALL = (*PARCNETV2, *CONVNEXT, *SWIN)

# facts.md, section 2: fp16, 36 epochs, steps at 27 and 33, short side 480 to 800 (long 1333) or crop first, batch 16
SHARED = {
    ("run", "amp"): "fp16",
    ("schedule", "epochs"): 36,
    ("schedule", "decay"): "steps",
    ("schedule", "decay_epochs"): (27, 33),
    ("schedule", "decay_factor"): 0.1,
    ("data", "batch_size"): 16,
    ("detection", "train_short_sides"): (480, 800),
    ("detection", "long_side"): 1333,
    ("detection", "resize_policy"): "two_policies",
    ("detection", "empty_images"): False,
    ("optimizer", "opt"): "adamw",
    ("optimizer", "weight_decay"): 0.05,
    ("optimizer", "clip_grad"): None,
    ("augmentation", "hflip"): 0.5,
}


@pytest.mark.parametrize("name", [*PARCNETV2, *CONVNEXT])
def test_learning_rates_and_decays_are_the_published_ones(name):
    recipe = read_recipe(name)
    optimizer = recipe.optimizer
    found = (recipe.network.drop_path, optimizer.lr, optimizer.weight_decay, optimizer.layer_decay)
    assert (*found, optimizer.layer_decay_groups) == {**PARCNETV2, **CONVNEXT}[name]
    assert optimizer.layer_decay_by == "blocks"


@pytest.mark.parametrize("name", ALL)
def test_schedule_image_sizes_and_precision_are_the_published_ones(name):
    values = read_recipe(name).to_dict()
    for (section, field), value in SHARED.items():
        assert values[section][field] == value, field


@pytest.mark.parametrize("name", ALL)
def test_heads_are_the_published_ones(name):
    settings = read_recipe(name).settings
    if name.startswith("cascade"):
        assert (settings.detector, settings.box_head, settings.box_loss) == ("cascade_mask_rcnn", "4conv1fc", "giou")
    else:
        assert (settings.detector, settings.box_head, settings.box_loss) == ("mask_rcnn", "2fc", "smooth_l1")


@pytest.mark.parametrize("name", PARCNETV2)
def test_downstream_recipes_use_fixed_kernels_as_published(name):
    assert read_recipe(name).network.kernel_fit == "fixed"


@pytest.mark.parametrize("name", SWIN)
def test_swin_has_no_layer_wise_decay(name):
    recipe = read_recipe(name)
    assert (recipe.optimizer.lr, recipe.optimizer.layer_decay) == (1e-4, None)


@pytest.mark.parametrize("name", ALL)
def test_the_first_line_gives_the_ap_of_the_papers_row(name):
    """ICCV 2023, Tab. 4, and its supplement, Tab. 5."""
    family = "Swin" if "swin" in name else "ConvNeXt" if "convnext" in name else "ParCNetV2"
    model = f"{family}-{name.rsplit('_', 1)[1][0].upper()}"
    group = "Cascade" if name.startswith("cascade") else "Mask"
    (row,) = [row for row in tables()["supp-table5"].rows if row.model == model and row.group.startswith(group)]
    assert (
        f"{row.printed['ap_box']} box AP, {row.printed['ap_mask']} mask AP. Not reproduced by us yet."
        in packaged()[name]
    )


def test_every_row_of_the_tables_has_a_recipe():
    assert len(ALL) == len(tables()["supp-table5"].rows)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"short_side": 900, "long_side": 800}, "short_side is 900"),
        ({"train_short_sides": (800, 480)}, "train_short_sides"),
        ({"regions": 2}, "regions is 2; expected at least 8"),
        ({"score_threshold": 1.5}, "score_threshold is 1.5"),
        ({"detections": 0}, "detections is 0"),
        ({"anchor_scale": 0.0}, "anchor_scale is 0.0"),
    ],
)
def test_an_error_names_the_field_and_the_value(fields, message):
    with pytest.raises(UserError, match=message):
        DetectionSettings(**fields)


def test_fields_of_other_tasks_are_refused():
    with pytest.raises(UserError, match=r"augmentation\.mixup is 0\.8, which detection does not use"):
        override(read_recipe("coins_mask_rcnn"), ["augmentation.mixup=0.8"])
    with pytest.raises(
        UserError, match="section detection belongs to another task; this recipe's task is classification"
    ):
        override(read_recipe("digits"), ["detection.regions=64"])
