import dataclasses

import pytest
import torch

from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.models import build
from parcnet.tasks.backbone import build_backbone
from parcnet.tasks.segmentation import segmenter
from parcnet.tasks.starting_weights import load_backbone, load_matching


@pytest.fixture
def saved(tmp_path):
    """saved(model): a classification checkpoint with random weights, its path and the network."""

    def save(model="parcnetv2_digits", **args):
        network = build(model, num_classes=7, **args)
        metadata = Metadata(model, {"num_classes": 7, **args}, tuple("abcdefg"), {}, "digits")
        path = tmp_path / "best.safetensors"
        checkpoint.save(path, network.state_dict(), metadata)
        return str(path), network

    return save


@pytest.mark.parametrize("model", ["parcnetv2_digits", "convnext_atto"])
def test_a_classifiers_weights_are_matched_by_name_and_reported(saved, model):
    path, network = saved(model)
    backbone = build_backbone(model, {}, norm=False).eval()
    report = load_backbone(backbone, path)
    image = torch.randn(1, 3, 64, 64)
    expected = network.eval().forward_intermediates(image)[1]
    torch.testing.assert_close(backbone(image)[-1], expected[-1])
    assert report.used == len(backbone.net.state_dict())
    assert report.used + len(report.unused) == len(network.state_dict())
    assert all(name.startswith(("head", "norm_pre")) for name in report.unused)
    assert f"{report.used} tensors used" in str(report)


def test_the_norms_of_the_feature_maps_keep_their_initial_values(saved):
    path, _ = saved()
    assert len(load_backbone(build_backbone("parcnetv2_digits", {}), path).fresh) == 8


def test_kernels_are_resized_to_the_backbones_input_size(saved):
    path, network = saved(img_size=64)
    larger = build_backbone("parcnetv2_digits", {"img_size": 128})
    load_backbone(larger, path)
    network.set_input_size(128)
    mine = dict(larger.net.named_parameters())
    theirs = {name.replace("stages.", "stages_"): value for name, value in network.named_parameters()}
    kernels = [name for name in mine if name.endswith(("kernel_h", "kernel_w"))]
    assert kernels
    for name in kernels:
        torch.testing.assert_close(mine[name], theirs[name])


def test_weights_of_another_network_are_refused_and_change_nothing(saved):
    path, _ = saved("parcnetv2_digits", depths=(1, 1, 1, 1))
    backbone = build_backbone("parcnetv2_digits", {"depths": (1, 1, 2, 1)})
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    with pytest.raises(UserError, match="do not fit this backbone: missing"):
        load_backbone(backbone, path)
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())


def test_a_segmenter_of_other_classes_loads_all_weights_but_the_classifiers(tmp_path):
    def whole(classes):
        return segmenter(build_backbone("parcnetv2_digits", {}), classes, channels=8, auxiliary_channels=8)

    first, second = whole(3), whole(4)
    metadata = Metadata("parcnetv2_digits", {}, tuple("abc"), {}, "coins", task="segmentation")
    path = tmp_path / "best.safetensors"
    checkpoint.save(path, first.state_dict(), metadata)
    report = load_matching(second, checkpoint.read(path), str(path))
    classifiers = {f"{head}.classifier.1.{part}" for head in ("decoder", "auxiliary") for part in ("weight", "bias")}
    assert set(report.fresh) == set(report.unused) == classifiers
    assert torch.equal(first.decoder.bottleneck.conv.weight, second.decoder.bottleneck.conv.weight)
    with pytest.raises(UserError, match="is a checkpoint of segmentation; expected one of a classifier"):
        load_backbone(second.backbone, str(path))
    assert dataclasses.asdict(report)["used"] == len(first.state_dict()) - 4
