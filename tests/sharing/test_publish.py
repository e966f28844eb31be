"""Published folders: loading in timm and parcnet, model card, atomic writing, upload."""

import errno
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import timm
import torch
import yaml
from safetensors import SafetensorError

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


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_with_overwrite_a_published_folder_is_replaced_whole_and_nothing_partial_remains(run, tmp_path, monkeypatch):
    target = publish(run, tmp_path / "shared").folder
    before = contents(target)
    with pytest.raises(UserError, match=r"exists already.*--overwrite"):
        publish(run, target)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr("parcnet.sharing.publishing.save_for_hf", full)
        with pytest.raises(UserError, match=r"cannot write .*shared: full.*Free some space"):
            publish(run, target, overwrite=True)
    assert contents(target) == before
    assert {path.name for path in tmp_path.iterdir()} == {"run", "shared"}
    publish(run, target, license_name="mit", overwrite=True)
    assert b"license: mit" in contents(target)["README.md"]
    assert {path.name for path in tmp_path.iterdir()} == {"run", "shared"}


@pytest.mark.parametrize("held", ["mine.txt", "config.json", "README.md"])
def test_what_publish_did_not_write_is_never_replaced(held, run, tmp_path):
    target = tmp_path / "shared"
    target.mkdir()
    (target / held).write_text("mine")
    with pytest.raises(UserError, match="was not written by `parcnet publish`"):
        publish(run, target, overwrite=True)
    assert contents(target) == {held: b"mine"}


def test_a_published_folder_with_further_files_is_not_replaced(run, tmp_path):
    target = publish(run, tmp_path / "shared").folder
    (target / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"or holds more \(README.md, config.json, model.safetensors, notes.txt\)"):
        publish(run, target, overwrite=True)


def test_an_empty_folder_is_filled(run, tmp_path):
    (tmp_path / "empty").mkdir()
    assert publish(run, tmp_path / "empty").folder.is_dir()


@pytest.mark.parametrize(
    ("source", "target", "how"),
    [
        ("run", "run", "is"),
        ("run", "run/../run", "is"),
        ("run", "link", "is"),
        ("run", "run/shared", "lies within"),
        ("run", "link/shared", "lies within"),
        ("run/best.safetensors", "run", "holds"),
        ("run", ".", "holds"),
        ("link", "run", "is"),
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_target_that_is_holds_or_lies_within_the_source_is_refused(source, target, how, overwrite, run, tmp_path):
    (tmp_path / "link").symlink_to(run)
    before = contents(tmp_path)
    with pytest.raises(UserError, match=rf"--to is .*, which {how} .*Choose another --to"):
        publish(tmp_path / source, tmp_path / target, overwrite=overwrite)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "said"),
    [("n" * 300, "Choose a shorter name"), ("run/best.safetensors/x", "A part of this path is a file")],
    ids=["long", "below a file"],
)
def test_a_target_that_cannot_be_is_named_before_any_work(name, said, run, tmp_path, monkeypatch):
    monkeypatch.setattr("parcnet.sharing.publishing.load_checkpoint", lambda _: pytest.fail("worked"))
    with pytest.raises(UserError, match=rf"cannot write .*{said}"):
        publish(run, tmp_path / name)


def test_a_full_disk_under_safetensors_is_a_sentence(run, tmp_path, monkeypatch):
    def full(*_, **__):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("parcnet.sharing.publishing.save_for_hf", full)
    with pytest.raises(UserError, match=r"cannot write .*No space left on device.*Free some space"):
        publish(run, tmp_path / "shared")
    assert not (tmp_path / "shared").exists()


@pytest.mark.parametrize(
    "text",
    ["[", "[" * 100_000, "[1]", '{"val": 3}', '{"seconds": 1.0}', '{"command": ["x"]}', '{"val": {"top1": "x"}}'],
)
def test_a_damaged_result_is_named(text, run, tmp_path):
    (run / "result.json").write_text(text)
    with pytest.raises(UserError, match=r"run/result.json .*[Rr]estore it"):
        publish(run, tmp_path / "shared")


HOSTILE = ("<script>alert(1)</script>", "a | b", "two\nlines", "**bold** [x](http://y.z)")


def test_class_names_and_folder_names_are_text_in_the_model_card(run, tmp_path):
    own = checkpoint.read(run)
    metadata = replace(
        own.metadata,
        classes=HOSTILE[:3],
        data="--- <b>data</b>\n# title",
        recipe={"name": "```\n<img src=x>", "data": {"data_dir": "a: b # c"}},
    )
    checkpoint.save(run / "best.safetensors", own.weights, metadata)
    (run / "result.json").write_text(
        json.dumps({"images": {"val|x": 8}, "val": {"top1": 1.0, "top5": 1.0, "loss": 0.0}, "command": "`x` <i>"})
    )
    folder = publish(run, tmp_path / 'pets "n" <b>`x`', license_name='x"\n---\ny: 1').folder
    text = (folder / "README.md").read_text()
    front, body = text.removeprefix("---\n").split("\n---\n", 1)
    assert yaml.safe_load(front)["license"] == 'x"\n---\ny: 1'
    markdown = pytest.importorskip("markdown", reason="the card was not rendered")
    page = markdown.markdown(body, extensions=["tables", "fenced_code"])
    shown = ElementTree.fromstring(f"<page>{page}</page>")
    assert {each.tag for each in shown.iter()} <= {
        *("page", "h1", "h2", "p", "a", "pre", "code", "table", "thead", "tbody", "tr", "th", "td"),
    }
    words = "".join(shown.itertext())
    for name in ("<script>alert(1)</script>", "a | b", "two\\nlines", 'pets "n" <b>`x`', "--- <b>data</b>\\n# title"):
        assert name in words
    assert [each.get("href") for each in shown.iter("a")] == ["https://arxiv.org/abs/2211.07157"]
    assert len({len(row) for table in shown.iter("table") for row in table.iter("tr")}) <= 2


def test_weights_that_are_not_finite_are_not_published(run, tmp_path):
    own = checkpoint.read(run)
    own.weights["head.fc.bias"][1] = torch.nan
    checkpoint.save(run / "best.safetensors", own.weights, own.metadata)
    with pytest.raises(UserError, match=r"best|run are not finite: head.fc.bias holds NaN"):
        publish(run, tmp_path / "shared")


def test_transformers_opens_the_folder_by_its_automatic_class(run, tmp_path):
    transformers = pytest.importorskip("transformers", reason="a published folder in transformers was not checked")
    folder = publish(run, tmp_path / "shared").folder
    model = transformers.AutoModelForImageClassification.from_pretrained(folder).eval()
    image = torch.randn(2, 1, 32, 32)
    torch.testing.assert_close(model(image).logits, parcnet.load(run)(image))
    assert tuple(model.config.id2label.values()) == CLASSES


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
