"""Checkpoints of segmenters and detectors are explained through their backbone."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from parcnet import checkpoint
from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing
from parcnet.explain import gates, gradcam, open_model, oversized_kernels, position, receptive_field
from parcnet.tasks.backbone import build_backbone
from parcnet.tasks.detection.building import build_detector
from parcnet.tasks.detection.class_scores import DetectorClassScores
from parcnet.tasks.segmentation.class_scores import SegmenterClassScores
from parcnet.tasks.segmentation.upernet import segmenter

IMAGES = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
CLASSES = ("sky", "tree", "road")
ARGUMENTS = {"img_size": 64}


@pytest.fixture(params=["segmentation", "detection"])
def checkpointed(request, tmp_path):
    """The path of a checkpoint of either task."""
    torch.manual_seed(0)
    backbone = build_backbone("parcnetv2_digits", ARGUMENTS)
    preprocessing = Preprocessing((64, 96), (0.5,) * 3, (0.25,) * 3)
    if request.param == "segmentation":
        pytest.importorskip("transformers", reason="the extra `downstream`: segmenters were not explained")
        decoder = {"channels": 16, "auxiliary_channels": None, "dropout": 0.0}
        network, rest = segmenter(backbone, len(CLASSES), **decoder), {"decoder": decoder}
        rest |= {"looks": {}, "reduce_zero_label": False}
    else:
        rest = {"detector": "mask_rcnn", "short_side": 64, "long_side": 96, "score_threshold": 0.0, "detections": 5}
        network = build_detector(backbone=backbone, num_classes=len(CLASSES), **rest)
    metadata = Metadata(
        "parcnetv2_digits", ARGUMENTS, CLASSES, preprocessing.to_dict(), "mine", task=request.param, task_args=rest
    )
    checkpoint.save(tmp_path / "best.safetensors", network.state_dict(), metadata)
    return tmp_path / "best.safetensors"


def test_kernels_gates_field_position_and_grad_cam_of_either_task(checkpointed, unchanged):
    found = open_model(str(checkpointed))
    assert (found.name, found.classes) == ("parcnetv2_digits", CLASSES)
    assert oversized_kernels(found.model, layer="2").layer.startswith("stages_1.")
    assert len(gates(found.model, IMAGES).gates) == 4
    assert receptive_field(found.model, IMAGES, layer="3").contribution.shape == (64, 96)
    assert len(position(found.model, torch.rand(4, 3, 96, 96)).probes) > 1
    assert found.scored is not None
    with unchanged(found.scored):
        shown = gradcam(found.classifier, IMAGES, layer="2")
    assert shown.layer.endswith("net.stages_1")
    assert shown.heat.shape == (2, 64, 96)
    assert shown.maps.any()
    assert ((shown.probabilities > 0) & (shown.probabilities <= 1)).all()


def network(path: str, output) -> nn.Module:
    """A network that returns `output(images)`, with a backbone at `path` that has no stages."""

    class Stub(nn.Module):
        def forward(self, images):
            return output(images)

    stub = Stub()
    module: nn.Module = stub
    for name in path.split("."):
        module.add_module(name, nn.Module())
        module = module.get_submodule(name)
    module.feature_info = SimpleNamespace(info=[])
    return stub


def test_a_segmenter_s_score_is_the_mean_logit_over_the_pixels_of_the_class():
    logits = torch.tensor([[[[3.0, 1.0, -2.0]], [[0.0, 2.0, -1.0]], [[-1.0, -1.0, -3.0]]]])
    scores, confidence = SegmenterClassScores(network("backbone.net", lambda _: logits))(IMAGES)
    torch.testing.assert_close(scores, torch.tensor([[3.0, 2.0 - 1.0, -5.0]]) / 3)
    torch.testing.assert_close(confidence, torch.tensor([[1.0, 2.0, 0.0]]) / 3)


def test_a_detector_s_score_is_the_sum_over_its_objects_and_its_input_is_unnormalised():
    inputs = []

    def output(images):
        inputs.append(images)
        return [{"labels": torch.tensor([2, 0, 2]), "scores": torch.tensor([0.5, 0.25, 0.125])}]

    scored = DetectorClassScores(network("backbone.body.net", output), 3, (0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
    mean = torch.tensor([0.5, 0.4, 0.3])[:, None, None]
    scores, confidence = scored((IMAGES[:1] - mean) / 0.2)
    torch.testing.assert_close(scores, torch.tensor([[0.25, 0.0, 0.625]]))
    torch.testing.assert_close(confidence, torch.tensor([[0.25, 0.0, 0.5]]))
    torch.testing.assert_close(inputs[0][0], IMAGES[0])


def test_without_detections_the_map_is_zero():
    found = [{"labels": torch.zeros(0, dtype=torch.int64), "scores": torch.zeros(0)}]
    stub = network("backbone.body.net", lambda _: found)
    stub.backbone.body.net.add_module("conv", nn.Conv2d(3, 4, 3))
    output = stub.forward
    stub.forward = lambda images: (stub.backbone.body.net.conv(images[0][None]), output(images))[1]
    scored = DetectorClassScores(stub, 3, (0.5,) * 3, (0.2,) * 3)
    shown = gradcam(scored, IMAGES[:1], layer="network.backbone.body.net.conv")
    assert np.array_equal(shown.maps, np.zeros_like(shown.maps))
    assert shown.probabilities.tolist() == [0.0]
