"""Published folders: loading in timm and parcnet, model card, atomic writing, upload."""

import errno
import json
from pathlib import Path

import pytest
import timm
import torch
import yaml

import parcnet
from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing
from parcnet.models import build
from parcnet.sharing import publish, upload
from parcnet_cli.main import main

CLASSES = ("cat", "dog", "eel")
ARGS = {"num_classes": 3, "in_chans": 1, "img_size": 32}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder whose network has no initial values left."""
    network = build("parcnetv2_digits", **ARGS)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.rand_like(tensor), alpha=0.1)
    preprocessing = Preprocessing((32, 32), (0.3,), (0.2,), "bilinear", 1.0)
    recipe = {"name": "pets", "optimizer": {"lr": 0.001}}
    metadata = Metadata(
        "parcnetv2_digits", ARGS, CLASSES, preprocessing.to_dict(), "pets", 7, {"val_top1": 0.5}, recipe
    )
    checkpoint.save(tmp_path / "run" / "best.safetensors", network.state_dict(), metadata)
    metrics = {"top1": 0.75, "top5": 1.0, "loss": 0.6}
    result = {"images": {"val": 8, "test": 4}, "val": metrics, "test": metrics, "command": "parcnet train -c pets"}
    (tmp_path / "run" / "result.json").write_text(json.dumps(result))
    return tmp_path / "run"


def test_timm_and_parcnet_load_the_trained_network(run, tmp_path):
    done = publish(run, tmp_path / "shared")
    image = torch.randn(2, 1, 32, 32)
    expected = parcnet.load(run)(image)
    theirs = timm.create_model(f"local-dir:{done.folder}", pretrained=True).eval()
    assert torch.equal(theirs(image), expected)
    assert torch.equal(parcnet.load(done.folder)(image), expected)
    config = timm.data.resolve_model_data_config(theirs)
    assert config["input_size"] == (1, 32, 32)
    assert (*config["mean"], *config["std"], config["interpolation"]) == (0.3, 0.2, "bilinear")
    assert config["crop_pct"] == 1.0
    assert tuple(theirs.pretrained_cfg["label_names"]) == CLASSES
    assert (done.model, done.classes, done.top1) == ("parcnetv2_digits", 3, 0.75)


def test_timm_replaces_the_head_of_a_published_network(run, tmp_path):
    folder = publish(run, tmp_path / "shared").folder
    model = timm.create_model(f"local-dir:{folder}", pretrained=True, num_classes=5)
    assert model.eval()(torch.randn(1, 1, 32, 32)).shape == (1, 5)
    stem = parcnet.load(run).state_dict()["stem.conv.weight"]
    assert torch.equal(model.state_dict()["stem.conv.weight"], stem)


def test_the_model_card_has_data_metrics_command_limits_recipe_and_license(run, tmp_path):
    text = (publish(run, tmp_path / "pets-net", license_name="cc-by-4.0").folder / "README.md").read_text()
    front = yaml.safe_load(text.split("---\n")[1])
    assert (front["license"], front["library_name"]) == ("cc-by-4.0", "timm")
    for part in ("# pets-net", "75.00%", "parcnet train -c pets", "cat, dog, eel", "32x32 px", "lr: 0.001", "4 |"):
        assert part in text
    assert "test was evaluated once" in text


def test_the_model_card_of_a_lone_checkpoint_has_its_metrics(run, tmp_path):
    (run / "result.json").unlink()
    done = publish(run / "best.safetensors", tmp_path / "shared")
    text = (done.folder / "README.md").read_text()
    assert "val_top1 0.5" in text
    assert "No test result was recorded" in text
    assert done.top1 is None


def test_existing_folders_are_kept_and_no_partial_folder_remains(run, tmp_path, monkeypatch):
    target = tmp_path / "shared"
    target.mkdir()
    (target / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match=r"exists already.*--overwrite"):
        publish(run, target)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("parcnet.sharing.publishing.save_for_hf", full)
    with pytest.raises(UserError, match=r"cannot write .*full"):
        publish(run, target, overwrite=True)
    assert (target / "mine.txt").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"run", "shared"}
    monkeypatch.undo()
    publish(run, target, overwrite=True)
    assert not (target / "mine.txt").exists()


def test_upload_uses_the_hubs_client_and_is_private_by_default(run, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "huggingface_hub.HfApi.create_repo", lambda _, repo, **options: calls.append((repo, options)) or "address"
    )
    monkeypatch.setattr("huggingface_hub.HfApi.upload_folder", lambda _, **options: calls.append(options))
    folder = publish(run, tmp_path / "shared").folder
    assert upload(folder, "me/pets") == "address"
    assert calls[0] == ("me/pets", {"private": True, "exist_ok": True})
    assert (calls[1]["repo_id"], calls[1]["folder_path"]) == ("me/pets", folder)


def test_the_command_publishes_and_names_what_is_missing(run, tmp_path, capsys):
    assert main(["publish", str(run), "--to", str(tmp_path / "shared")]) == 0
    said = capsys.readouterr()
    assert "parcnetv2_digits, 3 classes" in said.out
    assert "--license" in said.err
    assert "parcnet predict" in said.out
    assert main(["publish", str(run), "--to", str(tmp_path / "other"), "--hub", "nobody"]) == 2
    assert "expected OWNER/NAME" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
    assert main(["publish", str(tmp_path / "nothing"), "--to", str(tmp_path / "other")]) == 2
