"""`parcnet eval` and `predict` with a checkpoint of segmentation, and `parcnet train` towards one."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

import parcnet as library
from parcnet import checkpoint
from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing
from parcnet.tasks.segmentation import Segmenter, segmenter_of


@pytest.fixture
def coins(tmp_path):
    """One image with a label map, for validation."""
    root = tmp_path / "coins"
    grey = data.coins()[:96, :160]
    for folder, values in (("images", grey), ("annotations", (grey > 100).astype(np.uint8))):
        path = root / folder / "val" / "coins.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(values).save(path)
    (root / "classes.txt").write_text("table\ncoin\n", encoding="utf-8")
    return root


@pytest.fixture
def segmenter(tmp_path):
    """A checkpoint of an untrained network; what the commands do with it does not depend on how good it is."""
    torch.manual_seed(0)
    metadata = Metadata(
        model="parcnetv2_digits",
        model_args={"img_size": 64, "depths": [1, 1, 1, 1]},
        classes=("table", "coin"),
        preprocessing=Preprocessing((64, 64), (0.5,) * 3, (0.5,) * 3, "bilinear", 1.0).to_dict(),
        data="coins",
        task="segmentation",
        task_args={
            "decoder": {"channels": 8, "auxiliary_channels": 8, "dropout": 0.0},
            "looks": {"resize_to": [96, 192], "inference": "slide", "window": [64, 64], "stride": [43, 43]},
            "reduce_zero_label": False,
        },
    )
    path = tmp_path / "best.safetensors"
    checkpoint.save(path, segmenter_of(metadata).state_dict(), metadata)
    return path


def test_eval_says_miou_and_the_iou_of_every_class(parcnet, segmenter, coins):
    told = [parcnet("eval", segmenter, "--data-dir", coins, "--json", *more) for more in ((), ("--multi-scale",))]
    single, multi = (each.json() for each in told)
    assert {"miou", "macc", "aacc", "loss", "iou", "split", "scales"} <= single.keys()
    assert list(single["iou"]) == ["table", "coin"]
    assert single["miou"] == pytest.approx(np.nanmean(list(single["iou"].values())))
    assert (single["split"], single["scales"], multi["scales"]) == ("val", "single scale", "multi-scale with flip")
    assert multi["loss"] != single["loss"]
    plain = parcnet("eval", segmenter, "--data-dir", coins)
    assert "mIoU" in plain.out
    assert "coin" in plain.out


def test_predict_says_which_class_covers_how_much_and_draws_it(parcnet, segmenter, coins, tmp_path):
    image, picture = coins / "images" / "val" / "coins.png", tmp_path / "seen.png"
    said = parcnet("predict", segmenter, image, tmp_path / "missing.png", "--save", picture, "--json")
    assert said.code == 1  # one of the two could not be read
    found, lost = json.loads(said.out)
    assert sum(found["pixels"].values()) == pytest.approx(1)
    assert "missing.png" in lost["error"]
    with Image.open(picture) as drawn:
        assert min(drawn.size) > 200


def test_an_exported_file_predicts_and_draws_as_its_checkpoint_does(parcnet, segmenter, coins, tmp_path):
    image, file = coins / "images" / "val" / "coins.png", tmp_path / "net.pt2"
    made = parcnet("export", segmenter, "-o", file, "--algorithm", "conv")
    assert made.code == 0, made.err
    assert "of the pixels (4 images)" in made.out
    told, drawn = {}, {}
    for name, source in (("checkpoint", segmenter), ("file", file)):
        picture = tmp_path / f"{name}.png"
        (told[name],) = parcnet("predict", source, image, "--save", picture, "--json").json()
        with Image.open(picture) as pixels:
            drawn[name] = np.asarray(pixels.convert("RGB"), dtype=float)
    assert told["file"]["pixels"] == pytest.approx(told["checkpoint"]["pixels"], abs=1e-3)
    assert np.abs(drawn["file"] - drawn["checkpoint"]).mean() < 0.1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("eval", "CHECKPOINT"), "name the images to use with --data-dir DIR"),
        (("eval", "CHECKPOINT", "--data-dir", "COINS", "--split", "test"), "there is no folder"),
        (("predict", "CHECKPOINT", "x.png", "--save", "x.txt"), "--save is 'x.txt'; expected a file name"),
        (("train", "-c", "photographs_upernet"), "segmentation needs images: --data-dir DIR"),
        (("train", "--task", "segmentation"), "which segmentation does not use"),
    ],
)
def test_mistakes_are_said(parcnet, segmenter, coins, arguments, said):
    named = {"CHECKPOINT": segmenter, "COINS": coins}
    answer = parcnet(*(named.get(argument, argument) for argument in arguments))
    assert answer.code == 2
    assert said in answer.err


def test_flags_of_segmentation_are_refused_for_a_classifier(parcnet, trained):
    for arguments in (("eval", trained, "--multi-scale"), ("predict", trained, "x.png", "--save", "x.png")):
        answer = parcnet(*arguments)
        assert answer.code == 2
        assert "classif" in answer.err


def test_what_wants_a_classifier_says_that_it_is_given_a_segmenter(parcnet, segmenter, coins, tmp_path):
    answer = parcnet("features", segmenter, "--data-dir", coins, "-o", tmp_path / "features.npz")
    assert answer.code == 2
    assert "is a segmentation network; expected a classifier" in answer.err


def test_one_loader_opens_segmenters_too(segmenter):
    assert isinstance(library.load(segmenter), Segmenter)
