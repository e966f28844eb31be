"""Networks from checkpoints."""

from pathlib import Path

import pytest
import torch

import parcnet
from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.models import build
from parcnet.tasks.loading import load_checkpoint


def saved(path: Path, **changes: object) -> torch.nn.Module:
    arguments = {"img_size": 32, "num_classes": 3, **changes}
    model = build("parcnetv2_digits", **arguments).eval()
    metadata = checkpoint.Metadata(
        model="parcnetv2_digits", model_args=arguments, classes=("a", "b", "c"), preprocessing={}, data="test"
    )
    checkpoint.save(path, model.state_dict(), metadata)
    return model


def test_a_checkpoint_rebuilds_its_network(tmp_path: Path) -> None:
    model = saved(tmp_path / "best.safetensors")
    image = torch.randn(1, 3, 32, 32)
    loaded = load_checkpoint(tmp_path)
    assert loaded.metadata.classes == ("a", "b", "c")
    assert not loaded.network.training
    assert torch.equal(loaded.network(image), model(image))
    assert torch.equal(parcnet.load(tmp_path / "best.safetensors")(image), model(image))


def test_a_checkpoint_of_another_network_names_the_keys(tmp_path: Path) -> None:
    path = tmp_path / "wrong.safetensors"
    saved(path)
    read = checkpoint.read(path)
    metadata = checkpoint.Metadata(
        model="parcnetv2_xt", model_args={"num_classes": 3}, classes=("a", "b", "c"), preprocessing={}, data="test"
    )
    checkpoint.save(path, read.weights, metadata)
    with pytest.raises(UserError, match=r"wrong\.safetensors do not fit this ParCNetV2; missing: stages\.0\.blocks\.1"):
        load_checkpoint(path)
