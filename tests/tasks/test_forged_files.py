"""A forged checkpoint is refused by name, before anything of what it describes is built or opened."""

from dataclasses import replace

import pytest
import timm
import torch

from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing
from parcnet.models import build
from parcnet.tasks.loading import load_checkpoint

PREPROCESSING = Preprocessing((32, 32), (0.5,), (0.5,), crop_pct=1.0).to_dict()
TRUE = Metadata("parcnetv2_digits", {"num_classes": 2, "in_chans": 1}, ("a", "b"), PREPROCESSING, "digits")
SEGMENTER = {
    "decoder": {"channels": 8, "auxiliary_channels": None, "dropout": 0.1},
    "looks": {"resize_to": [64, 128], "inference": "slide", "window": [32, 32], "stride": [16, 16]},
    "reduce_zero_label": False,
}


@pytest.fixture
def weights():
    return build(TRUE.model, **TRUE.model_args).state_dict()


def refused(tmp_path, weights, said, **changes):
    path = tmp_path / "forged.safetensors"
    checkpoint.save(path, weights, replace(TRUE, **changes))
    with pytest.raises(UserError, match=said) as error:
        load_checkpoint(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "hf-hub:someone/net"}, "unknown network"),
        ({"model": "local-dir:/tmp"}, "unknown network"),
        ({"model_args": {**TRUE.model_args, "checkpoint_path": "/etc/hostname"}}, "checkpoint_path is not an argument"),
        ({"model_args": {**TRUE.model_args, "pretrained": True}}, "pretrained is not an argument"),
        (
            {"model_args": {"num_classes": 2, "in_chans": 1, "dims": [9000] * 4}},
            "numbers and holds .*: it was not built",
        ),
        ({"model_args": {**TRUE.model_args, "num_classes": 900_000}}, "2 classes, and its parcnetv2_digits has 900000"),
        ({"model_args": {}}, "names 2 classes, and its parcnetv2_digits has 10 logits"),
        ({"model_args": {**TRUE.model_args, "expansion": -3}}, "cannot be built with"),
        ({"task": "world domination"}, "unknown task"),
        ({"preprocessing": {**PREPROCESSING, "crop_pct": 1e-9}}, "crop_pct must be at least 0.01"),
        ({"preprocessing": {**PREPROCESSING, "crop_pct": "1"}}, "crop_pct must be at least 0.01"),
        ({"preprocessing": {**PREPROCESSING, "size": [10**9, 10**9]}}, "size must be"),
        ({"preprocessing": {**PREPROCESSING, "size": 32}}, "size must be"),
        ({"preprocessing": {**PREPROCESSING, "mean": ["0"]}}, "mean and std must both hold 1 or 3 numbers"),
        ({"preprocessing": {**PREPROCESSING, "interpolation": ["x"]}}, "unknown interpolation"),
    ],
    ids=lambda value: str(value)[:70],
)
def test_a_forged_classifier(changes, said, tmp_path, weights, monkeypatch):
    def called(*_, **arguments):
        raise AssertionError(f"built with {arguments}")

    if "built" not in said and "logits" not in said and "900000" not in said:
        monkeypatch.setattr(timm, "create_model", called)
    refused(tmp_path, weights, said, **changes)


@pytest.mark.parametrize(
    ("task", "task_args", "said"),
    [
        ("detection", {}, "lacks the detector"),
        ("detection", {"detector": "mask_rcnn", "surprise": 1}, "'surprise', which no detector takes"),
        ("detection", {"detector": "yolo"}, "task_args.detector is 'yolo'"),
        (
            "detection",
            {"detector": "mask_rcnn", "detections": 10**9},
            "detections is 1000000000; expected at least 1 and at most",
        ),
        ("detection", {"detector": "mask_rcnn", "long_side": True}, "task_args.long_side is True"),
        ("detection", {"detector": "mask_rcnn", "mean": [0, 0]}, "task_args.mean is"),
        ("multilabel", {}, "expected a threshold"),
        ("multilabel", {"threshold": 2.0}, "threshold is 2.0; expected above 0 and below 1"),
        ("segmentation", {}, "lacks, or has too much: decoder"),
        ("segmentation", SEGMENTER | {"decoder": {"channels": 10**9}}, "decoder.channels is 1000000000"),
        ("segmentation", SEGMENTER | {"decoder": {"file": "x"}}, "task_args.decoder is"),
        ("segmentation", SEGMENTER | {"looks": {"stride": [0, 1]}}, "stride is"),
        ("segmentation", SEGMENTER | {"looks": {"window": [8, 8], "stride": [9, 8]}}, "at most the window"),
        ("segmentation", SEGMENTER | {"looks": {"scales": [1.0] * 99}}, "scales are"),
        ("segmentation", SEGMENTER | {"looks": {"zoom": 1}}, "looks cannot be used"),
    ],
    ids=lambda value: str(value)[:70],
)
def test_a_forged_network_of_another_task(task, task_args, said, tmp_path):
    refused(tmp_path, {"w": torch.zeros(1)}, said, task=task, task_args=task_args, model_args={})


def test_the_true_file_is_read(tmp_path, weights):
    checkpoint.save(tmp_path / "true.safetensors", weights, TRUE)
    assert load_checkpoint(tmp_path / "true.safetensors").metadata == TRUE
