"""NaN and infinity are said, by every command, and never counted as a class."""

import pytest
import torch
from torch import nn

from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing, open_dataset
from parcnet.deploy import export
from parcnet.evaluation import torch_predictor
from parcnet.models import build
from parcnet_cli.main import main

CPU = torch.device("cpu")


@pytest.fixture
def saved(tmp_path):
    """saved(value): a checkpoint of a digits network whose classifier has `value` as a bias."""
    arguments = {"depths": (1, 1, 1, 1), "dims": (8, 8, 8, 8)}

    def save(value: float):
        network = build("parcnetv2_digits", **arguments)
        with torch.no_grad():
            network.head.fc.bias[3] = value
        about = Preprocessing((32, 32), (0.5,) * 3, (0.25,) * 3, crop_pct=1.0).to_dict()
        path = tmp_path / "best.safetensors"
        classes = tuple(map(str, range(10)))
        checkpoint.save(path, network.state_dict(), Metadata("parcnetv2_digits", arguments, classes, about, "digits"))
        return path

    return save


@pytest.fixture
def overflowing(monkeypatch):
    """Finite weights whose logits are infinite."""
    monkeypatch.setattr("parcnet.models.staged.StagedNetwork.forward_head", _infinite)


def _infinite(self, x, pre_logits=False):
    return self.head(x, pre_logits=pre_logits) * torch.inf


@pytest.fixture
def picture(tmp_path):
    open_dataset(None, "val").image(0).save(tmp_path / "3.png")
    return tmp_path / "3.png"


def commands(path, picture, folder):
    return {
        "predict": ["predict", path, picture],
        "predict --json": ["predict", path, picture, "--json"],
        "eval": ["eval", path],
        "features": ["features", path, "-o", folder / "out.npz"],
        "publish": ["publish", path, "--to", folder / "out"],
        "export": ["export", path, "-o", folder / "out.onnx"],
        "explain": ["explain", "gradcam", path, picture, "--output", folder / "out.png"],
    }


@pytest.mark.parametrize("command", commands("", "", __import__("pathlib").Path()))
def test_weights_that_are_not_finite_end_every_command_by_name(command, saved, picture, tmp_path, capsys):
    path = saved(float("nan"))
    assert main([str(each) for each in commands(path, picture, tmp_path)[command]]) == 2
    said = capsys.readouterr()
    assert f"the weights of {path} are not finite: head.fc.bias" in said.err
    assert "nan" not in said.out
    assert not list(tmp_path.glob("out*"))


@pytest.mark.usefixtures("overflowing")
@pytest.mark.parametrize("command", ["predict", "predict --json", "eval", "features", "explain"])
def test_outputs_that_are_not_finite_end_every_command(command, saved, picture, tmp_path, capsys):
    assert main([str(each) for each in commands(saved(0.0), picture, tmp_path)[command]]) == 2
    said = capsys.readouterr()
    assert "the network returned NaN or infinity" in said.err
    assert "nan" not in said.out
    assert not list(tmp_path.glob("out*"))


def test_a_network_whose_outputs_are_not_finite_is_not_exported(tmp_path):
    class Infinite(nn.Module):
        def forward(self, image):
            return image.mean((2, 3)) * torch.inf

    with pytest.raises(UserError, match="returned NaN or infinity"):
        export(Infinite(), tmp_path / "out.pt2", format="torch-export", size=32)
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("outputs", [torch.nan, torch.inf, -torch.inf])
def test_of_all_that_a_predictor_returns_nothing_may_be_infinite(outputs):
    class Detections(nn.Module):
        def forward(self, images):
            return [{"labels": torch.tensor([1]), "scores": torch.tensor([0.5, outputs])} for _ in images]

    images = torch.zeros(2, 3, 4, 4)
    with torch_predictor(Detections(), CPU) as predictor, pytest.raises(UserError, match="NaN or infinity"):
        predictor(images)
    with torch_predictor(Detections(), CPU, finite=False) as predictor:
        assert len(predictor(images)) == 2
