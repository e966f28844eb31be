"""The commands of daily work with a multi-label checkpoint."""

import json

import pytest
import timm
import torch

import parcnet
from parcnet import checkpoint
from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing
from parcnet.models import build
from parcnet_cli.main import main

CLASSES = ("blue", "green", "red")
ARGS = {"num_classes": 3, "in_chans": 3, "img_size": 32}


@pytest.fixture
def said(capsys):
    """said(command, ...) -> (exit code, stdout, stderr)."""

    def run(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return (code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def checkpoint_file(tmp_path_factory):
    """An untrained network; what the commands do with it does not depend on how good it is."""
    torch.manual_seed(0)
    preprocessing = Preprocessing((32, 32), (0.5,) * 3, (0.5,) * 3, "bilinear", 1.0)
    metadata = Metadata(
        model="parcnetv2_digits",
        model_args=ARGS,
        classes=CLASSES,
        preprocessing=preprocessing.to_dict(),
        data="squares",
        task="multilabel",
        task_args={"threshold": 0.5},
    )
    folder = tmp_path_factory.mktemp("checkpoint")
    checkpoint.save(folder / "best.safetensors", build("parcnetv2_digits", **ARGS).state_dict(), metadata)
    metrics = {"map": 0.9, "micro_f1": 0.8, "macro_f1": 0.7, "sample_f1": 0.6, "loss": 0.5}
    (folder / "result.json").write_text(json.dumps({"images": {"val": 8, "test": 4}, "val": metrics, "test": metrics}))
    return folder / "best.safetensors"


def test_eval_has_a_table_and_json_with_the_ap_of_every_class(said, checkpoint_file, squares):
    code, out, _ = said("eval", checkpoint_file, "--data-dir", squares)
    assert code == 0
    assert all(word in out for word in ("mAP", "micro F1", "macro F1", "sample F1", "green", "threshold of 0.5"))
    values = json.loads(said("eval", checkpoint_file, "--data-dir", squares, "--json")[1])
    assert (values["split"], values["images"], values["threshold"]) == ("test", 17, 0.5)
    assert values["map"] == pytest.approx(sum(values["ap"].values()) / 3)
    assert values["macro_f1"] == pytest.approx(sum(values["f1"].values()) / 3)
    assert list(values["positives"]) == list(CLASSES)


def test_eval_warns_of_classes_without_a_positive(said, checkpoint_file, squares, tmp_path):
    (tmp_path / "val.csv").write_text(f"path,labels\n{squares}/val/00.png,red\n")
    _, _, warnings = said("eval", checkpoint_file, "--data-dir", tmp_path)
    assert "2 of 3 classes have no positive in val: mAP counts each as 0" in warnings


def test_mistakes_end_with_one_sentence(said, checkpoint_file, squares, tmp_path):
    code, _, error = said("eval", checkpoint_file)
    assert (code, "give --data-dir DIR" in error) == (2, True)
    code, _, error = said("train", "-c", "multilabel_folder", "--data-dir", tmp_path / "nothing")
    assert (code, "there is no folder" in error) == (2, True)
    code, _, error = said("predict", checkpoint_file, squares / "val" / "00.png", "--save", tmp_path / "x.png")
    assert (code, "classes of whole images" in error) == (2, True)


def test_an_exported_file_predicts_and_scores_as_its_checkpoint_does(said, checkpoint_file, squares, tmp_path):
    file, image = tmp_path / "net.onnx", squares / "test" / "03.png"
    code, out, error = said("export", checkpoint_file, "-o", file, "--algorithm", "conv")
    assert code == 0, error
    assert "(16 images)" in out
    assert "same class" not in out  # of several right classes none is the likeliest
    found = [json.loads(said("predict", source, image, "--json")[1])[0] for source in (checkpoint_file, file)]
    by_class = [{each["class"]: each["probability"] for each in result["top"]} for result in found]
    assert by_class[1] == pytest.approx(by_class[0], abs=1e-4)
    assert found[0]["threshold"] == found[1]["threshold"] == 0.5
    scores = [json.loads(said("eval", each, "--data-dir", squares, "--json")[1]) for each in (checkpoint_file, file)]
    assert scores[1]["loss"] == pytest.approx(scores[0]["loss"], abs=1e-4)
    assert scores[1]["ap"] == pytest.approx(scores[0]["ap"], abs=0.05)  # ties within rounding


def test_grad_cam_explains_a_label_by_its_logit_and_names_its_probability(said, checkpoint_file, squares, tmp_path):
    image = squares / "test" / "03.png"
    code, out, error = said("explain", "gradcam", checkpoint_file, image, "--class", "red", "-o", tmp_path / "cam.png")
    assert code == 0, error
    assert (tmp_path / "cam.png").stat().st_size > 5000
    (result,) = json.loads(said("predict", checkpoint_file, image, "--json")[1])
    red = next(each["probability"] for each in result["top"] if each["class"] == "red")
    assert f"{red:.1%}" in out


def test_a_published_network_has_its_own_metrics_on_the_card_and_loads_in_timm(said, checkpoint_file, tmp_path):
    code, _, error = said("publish", checkpoint_file.parent, "--to", tmp_path / "shared", "--license", "mit")
    assert code == 0, error
    card = (tmp_path / "shared" / "README.md").read_text()
    assert "| split | mAP | micro F1 | macro F1 | sample F1 | loss (nats) | images |" in card
    assert "| test | 90.00% | 80.00% | 70.00% | 60.00% | 0.5000 | 4 |" in card
    assert "each of 3 classes (blue, green, red) an independent probability" in card
    images = torch.randn(2, 3, 32, 32)
    theirs = timm.create_model(f"local-dir:{tmp_path / 'shared'}", pretrained=True).eval()
    assert torch.equal(theirs(images), parcnet.load(checkpoint_file)(images))
    assert torch.equal(theirs(images), parcnet.load(tmp_path / "shared")(images))


def test_a_run_has_a_page(said, recipe, tmp_path):
    from parcnet.recipes import to_yaml

    path = tmp_path / "squares.yaml"
    path.write_text(to_yaml(recipe(epochs=1)).replace("warmup_epochs: 0.5", "warmup_epochs: 0"), encoding="utf-8")
    code, out, error = said("train", "-c", path)
    assert code == 0, error
    assert "mAP" in out
    code, _, error = said("report", tmp_path / "run", "--quick", "--device", "cpu")
    assert code == 0, error
    page = (tmp_path / "run" / "report.html").read_text()
    assert "macro F1" in page
