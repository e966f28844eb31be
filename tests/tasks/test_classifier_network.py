from dataclasses import replace

import pytest
import timm
import torch

from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.tasks.classifier_network import build_classifier

CLASSES = ("a", "b", "c")


@pytest.fixture
def saved(recipe, tmp_path):
    """A checkpoint of another seed's network for CLASSES, and its weights."""
    built = build_classifier(recipe(seed=9), CLASSES)
    path = tmp_path / "start.safetensors"
    metadata = Metadata("parcnetv2_digits", built.model_args, CLASSES, built.preprocessing.to_dict(), "letters")
    checkpoint.save(path, built.network.state_dict(), metadata)
    return str(path), built.network.state_dict()


def equal(one, other, names=None):
    return all(torch.equal(one[name], other[name]) for name in names or one)


def test_initial_weights_depend_on_the_seed_alone(recipe):
    first = build_classifier(recipe(), CLASSES).network.state_dict()
    torch.rand(13)
    assert equal(first, build_classifier(recipe(), CLASSES).network.state_dict())
    assert not equal(first, build_classifier(recipe(seed=1), CLASSES).network.state_dict())


def test_model_args_rebuild_the_network(recipe):
    built = build_classifier(recipe(img_size=48, in_chans=1, kernel_fit="fixed"), CLASSES)
    assert built.model_args == {"num_classes": 3, "in_chans": 1, "img_size": 48, "kernel_fit": "fixed"}
    assert built.preprocessing.size == (48, 48)
    assert built.preprocessing.channels == 1


def test_without_img_size_the_networks_default_is_used(recipe):
    assert build_classifier(recipe(img_size=None), CLASSES).preprocessing.size == (32, 32)


def test_drop_path_reaches_the_last_block(recipe):
    rates = [getattr(m, "drop_prob", 0) for m in build_classifier(recipe(drop_path=0.3), CLASSES).network.modules()]
    assert max(rates) == pytest.approx(0.3)


@pytest.mark.parametrize("model", ["parcnetv2_digit", "parcnet_digits"])
def test_an_unknown_network_suggests_the_nearest(model, recipe):
    with pytest.raises(UserError, match="parcnetv2_digits"):
        build_classifier(recipe(model=model), CLASSES)


def test_a_size_that_the_network_rejects_is_an_error(recipe, monkeypatch):
    def refuse(name, **arguments):
        if "img_size" in arguments:
            raise ValueError(f"{name}: 'img_size' is {arguments['img_size']}")

    monkeypatch.setattr(timm, "create_model", refuse)
    with pytest.raises(UserError, match=r"'img_size' is 2$"):
        build_classifier(recipe(img_size=2), CLASSES)


def test_a_timm_network_can_be_built(recipe):
    built = build_classifier(recipe(model="test_convnext", img_size=64, drop_path=0.0), CLASSES)
    assert built.network(torch.randn(1, 3, 64, 64)).shape == (1, 3)
    assert built.preprocessing.size == (64, 64)


def test_initial_weights_come_from_a_checkpoint(recipe, saved):
    path, weights = saved
    assert equal(weights, build_classifier(recipe(initial_checkpoint=path), CLASSES).network.state_dict())


@pytest.mark.parametrize("classes", [("c", "b", "a"), ("a", "b"), ("a", "b", "d")])
def test_a_head_for_other_classes_is_randomly_initialised(classes, recipe, saved):
    path, weights = saved
    built = build_classifier(recipe(initial_checkpoint=path), classes)
    own = built.network.state_dict()
    head = {"head.fc.weight", "head.fc.bias"}
    assert equal(own, weights, own.keys() - head)
    assert own["head.fc.weight"].shape != weights["head.fc.weight"].shape or not equal(own, weights, ["head.fc.weight"])


def test_initial_kernels_are_resized_to_another_input_size(recipe, saved):
    path, weights = saved
    own = build_classifier(recipe(initial_checkpoint=path, img_size=64), CLASSES).network.state_dict()
    resized = {name for name in own if own[name].shape != weights[name].shape}
    assert resized
    assert all(".kernel_" in name for name in resized)
    assert equal(own, weights, own.keys() - resized)


def test_weights_that_do_not_fit_are_named(recipe, saved):
    with pytest.raises(UserError, match=r"do not fit .*stem\.conv"):
        build_classifier(recipe(initial_checkpoint=saved[0], in_chans=1), CLASSES)


def test_loaded_weights_do_not_depend_on_the_seed(recipe, saved):
    path, weights = saved
    changed = recipe(initial_checkpoint=path)
    changed = replace(changed, run=replace(changed.run, seed=5))
    assert equal(weights, build_classifier(changed, CLASSES).network.state_dict())


def test_model_args_reach_the_network_and_its_checkpoint(recipe):
    built = build_classifier(
        recipe(model="convnext_tiny", model_args="{depths: [1, 1, 1, 1], dims: [8, 8, 8, 8]}"), CLASSES
    )
    assert built.model_args["dims"] == [8, 8, 8, 8]
    assert built.network.num_features == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("depths", "network.model_args"),
        ("{depths: [1", "not valid YAML"),
        ("{num_classes: 7}", "num_classes, which other fields of the recipe or the data set"),
        ("{dimensions: [8]}", "dimensions"),
        ("{7: 8}", "7 as an argument name"),
    ],
)
def test_invalid_model_args_are_refused(text, message, recipe):
    with pytest.raises(UserError, match=message):
        build_classifier(recipe(model_args=text), CLASSES)


def test_head_init_scale_scales_only_a_new_head(recipe, saved):
    plain, small = (build_classifier(recipe(head_init_scale=factor), CLASSES).network for factor in (1.0, 0.001))
    torch.testing.assert_close(small.head.fc.weight, plain.head.fc.weight * 0.001)
    assert torch.equal(small.stem.conv.weight, plain.stem.conv.weight)
    kept = build_classifier(recipe(initial_checkpoint=saved[0], head_init_scale=0.001), CLASSES).network
    assert torch.equal(kept.head.fc.weight, saved[1]["head.fc.weight"])
    other = build_classifier(recipe(initial_checkpoint=saved[0], head_init_scale=0.001), ("a", "b")).network
    assert other.head.fc.weight.abs().max() < 0.001
