"""Layer groups of the published detection and segmentation recipes (facts.md 2), counted by hand for T and B."""

import pytest
import timm
import torch
from torch import nn

import parcnet  # noqa: F401 - registers the networks
from parcnet.base import UserError
from parcnet.recipes import Optimizer
from parcnet.tasks.backbone import build_backbone
from parcnet.tasks.detection import build_detector
from parcnet.training.setup.layer_decay import layer_groups, lr_scales
from parcnet.training.setup.optimizer import create_optimizer


def built(name):
    with torch.device("meta"):
        return timm.create_model(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "parcnetv2_tiny",  # depths 3, 3, 12, 3
            {
                "stem.conv.weight": 0,
                "stages.0.blocks.0.": 1,
                "stages.0.blocks.2.": 1,
                "stages.1.downsample.": 2,
                "stages.1.blocks.2.": 2,
                "stages.2.downsample.": 3,
                "stages.2.blocks.0.": 3,
                "stages.2.blocks.11.": 6,
                "stages.3.downsample.": 7,
                "stages.3.blocks.2.": 7,
                "head.": 8,
            },
        ),
        (
            "parcnetv2_base",  # depths 3, 9, 24, 3
            {"stem.": 0, "stages.1.blocks.8.": 4, "stages.2.downsample.": 5, "stages.3.blocks.0.": 13, "head.": 14},
        ),
    ],
)
def test_three_consecutive_blocks_form_a_group(name, expected):
    ids, last = layer_groups(built(name), "blocks")
    for prefix, group in expected.items():
        found = {each for parameter, each in ids.items() if parameter.startswith(prefix)}
        assert found == {group}, prefix
    assert last == expected["head."]


@pytest.mark.parametrize(("groups", "last"), [(None, 5), (6, 7), (12, 13)])
def test_by_stages_the_stem_and_downsampling_are_group_0(groups, last):
    ids, found = layer_groups(built("parcnetv2_tiny"), "stages", groups)
    assert found == last
    for name, group in ids.items():
        if name.startswith("stem") or ".downsample." in name:
            assert group == 0, name
        elif name.startswith("stages."):
            assert group == 1 + int(name.split(".")[1]), name
        else:
            assert group == last, name


def test_the_factor_is_the_decay_to_the_power_of_the_distance_from_the_head():
    assert lr_scales({"a": 0, "b": 7, "c": 8}, 8, 0.5) == {"a": 0.5**8, "b": 0.5, "c": 1.0}


@pytest.mark.parametrize("by", ["blocks", "stages"])
def test_parameters_have_the_learning_rate_of_their_group_and_biases_no_weight_decay(by):
    network = timm.create_model("parcnetv2_digits")
    settings = Optimizer(lr=1.0, weight_decay=0.05, layer_decay=0.7, layer_decay_by=by)
    optimizer = create_optimizer(network, settings)
    ids, last = layer_groups(network, by)
    found = {id(each): group for group in optimizer.param_groups for each in group["params"]}
    assert len(found) == len(list(network.parameters()))
    for name, parameter in network.named_parameters():
        group = found[id(parameter)]
        assert group["lr_scale"] == pytest.approx(0.7 ** (last - ids[name]))
        assert group["weight_decay"] == (0.05 if parameter.ndim > 1 else 0)


def test_a_network_without_stages_of_blocks_is_refused():
    with pytest.raises(UserError, match="Linear has no stages of blocks"):
        layer_groups(nn.Linear(2, 2), "blocks")


def test_too_few_groups_are_refused():
    with pytest.raises(UserError, match="layer_decay_groups is 3; ParCNetV2 has 7 groups by blocks"):
        layer_groups(built("parcnetv2_tiny"), "blocks", 3)


@pytest.mark.parametrize(
    ("name", "groups", "expected"),
    [
        # depths 3, 3, 12, 3: the k-th block is in group 1 + k // 3
        ("parcnetv2_tiny", 7, [1] * 3 + [2] * 3 + [3] * 3 + [4] * 3 + [5] * 3 + [6] * 3 + [7] * 3),
        # ConvNeXt-T, depths 3, 3, 9, 3: the six groups of its published configuration
        ("convnext_tiny", 6, [1] * 3 + [2] * 3 + [3] * 3 + [4] * 3 + [5] * 3 + [6] * 3),
    ],
)
def test_in_a_detector_only_the_backbone_has_a_decayed_learning_rate(name, groups, expected):
    """facts.md 2: stem 0, downsampling the first id of its stage, everything else num_layers + 1."""
    with torch.device("meta"):
        detector = build_detector("mask_rcnn", build_backbone(name, {}), 80)
    ids, last = layer_groups(detector, "blocks", groups)
    assert last == groups + 1
    seen: dict[tuple[int, int], set[int]] = {}
    for parameter, group in ids.items():
        inner = parameter.removeprefix("backbone.body.net.")
        stage, _, rest = inner.removeprefix("stages_").partition(".")
        if inner.startswith("stem"):
            assert group == 0, parameter
        elif not inner.startswith("stages_"):
            assert group == last, parameter
        elif rest.startswith("blocks."):
            seen.setdefault((int(stage), int(rest.split(".")[1])), set()).add(group)
    assert [seen[place] for place in sorted(seen)] == [{each} for each in expected]
    downsamples = {int(name_.split("stages_")[1][0]): group for name_, group in ids.items() if ".downsample." in name_}
    assert downsamples == {stage: min(seen[(stage, 0)]) for stage in (1, 2, 3)}
