"""Robustness suites: class mapping, class subsets, reproducible corruptions, the CSV format."""

import csv
import io
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import ImageNetInfo

from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing, open_dataset
from parcnet.data.corruptions import CORRUPTIONS
from parcnet.evaluation.robustness import (
    SUITES,
    Part,
    PartScore,
    csv_text,
    mean_corruption_error,
    parts_of,
    score,
    summary,
)
from parcnet.evaluation.robustness.corruption_error import ALEXNET_ERROR
from parcnet.evaluation.robustness.score import CorruptionTransform
from parcnet.tasks.classification.metrics import ClassificationMetrics
from parcnet.tasks.lookup import task_named

SYNSETS = tuple(ImageNetInfo("imagenet-1k").label_names())
BACKWARDS = SYNSETS[::-1]
"""A checkpoint's classes may be in any order."""
PREPROCESSING = Preprocessing((8, 8), (0.0,) * 3, (1.0,) * 3, "bilinear", 1.0)
TASK = task_named("classification")


def image_at(path: Path, shade: int = 128) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (9, 9), (shade, shade, shade)).save(path)


def always(position: int, second: int = 0):
    """A predictor whose first two choices are fixed; all its logits are negative."""

    def predict(images):
        logits = torch.full((len(images), 1000), -4.0)
        logits[:, position], logits[:, second] = -2, -3
        return logits

    return predict


def scored(predictor, part):
    """The metrics of a checkpoint with the part's classes."""
    metadata = Metadata("any", {}, part.images.classes, PREPROCESSING.to_dict(), "imagenet")
    return score(TASK, predictor, metadata, part, batch_size=2, workers=0).scores


def test_imagenet_v2_numbers_classes_in_the_order_of_the_synsets(tmp_path):
    for number in (0, 7, 999):
        image_at(tmp_path / "v2" / str(number) / "a.jpg")
    (part,) = parts_of("imagenet-v2", str(tmp_path / "v2"), None, BACKWARDS)
    labels = {Path(part.images.where(index)).parent.name: part.images.label(index) for index in range(3)}
    assert labels == {"0": 999, "7": 992, "999": 0}
    assert part.class_subset is None
    assert scored(always(992), part).top1 == pytest.approx(1 / 3)


@pytest.mark.parametrize("suite", ["imagenet-r", "imagenet-a"])
def test_predictions_are_restricted_to_the_200_classes_of_the_suite(suite, tmp_path):
    part = part_of_one_image(suite, tmp_path)
    assert len(part.class_subset) == 200
    outside = next(position for position in range(1000) if position not in part.class_subset)
    inside = part.images.label(0)
    scores = scored(always(outside, inside), part)
    assert scores.top1 == 1  # the best class is outside the suite and does not count
    assert scores.loss == pytest.approx(math.log(math.exp(-3) + 199 * math.exp(-4)) + 3)


@pytest.mark.parametrize("suite", ["imagenet-r", "imagenet-a"])
def test_no_class_outside_the_suite_is_chosen_however_low_the_others_are(suite, tmp_path):
    part = part_of_one_image(suite, tmp_path)
    scores = scored(lambda images: torch.arange(1000.0).repeat(len(images), 1) - 1e6, part)
    assert set(np.flatnonzero(scores.confusion.sum(0))) == {max(part.class_subset)}


def part_of_one_image(suite: str, tmp_path: Path) -> Part:
    image_at(tmp_path / "data" / "n01498041" / "a.jpg")  # a class of both suites
    (part,) = parts_of(suite, str(tmp_path / "data"), None, SYNSETS)
    assert SYNSETS[part.images.label(0)] == "n01498041"
    return part


def test_imagenet_c_has_a_part_for_each_corruption_and_severity(tmp_path):
    for corruption in ("fog", "snow"):
        for severity in ("1", "5"):
            image_at(tmp_path / "c" / corruption / severity / SYNSETS[3] / "a.jpg")
    parts = parts_of("imagenet-c", str(tmp_path / "c"), None, SYNSETS)
    assert [part.name for part in parts] == ["fog 1", "fog 5", "snow 1", "snow 5"]
    found = [PartScore(part.name, scored(always(3 if part.name.startswith("fog") else 4), part)) for part in parts]
    rows = {name: (top1, images) for name, top1, _, _, images in summary(found)}
    assert rows == {"fog": (1, 2), "snow": (0, 2), "mean over corruptions and severities": (0.5, 4)}


def test_imagenet_sketch_uses_all_classes(tmp_path):
    image_at(tmp_path / "sketch" / SYNSETS[5] / "a.jpg")
    (part,) = parts_of("imagenet-sketch", str(tmp_path / "sketch"), None, SYNSETS)
    assert (part.class_subset, part.images.label(0)) == (None, 5)


def test_corruptions_of_any_images_are_reproducible_and_differ_between_images():
    digits = open_dataset(None, "test")
    parts = parts_of("corruptions", None, None, digits.classes)
    assert len(parts) == 1 + 5 * len(CORRUPTIONS)
    assert len(parts[0].images) == len(digits)
    photo = digits.image(3)
    noisy = CorruptionTransform("gaussian_noise", 5)
    assert noisy(photo).tobytes() == noisy(photo).tobytes() != photo.tobytes()
    other = np.asarray(noisy(digits.image(4)), float) - np.asarray(digits.image(4), float)
    assert not np.array_equal(other, np.asarray(noisy(photo), float) - np.asarray(photo, float))


@pytest.mark.parametrize(
    ("suite", "folder", "split", "classes", "said"),
    [
        ("imagenet-w", "x", None, SYNSETS, "unknown suite 'imagenet-w'. Did you mean imagenet-"),
        ("imagenet-r", None, None, SYNSETS, "needs --data-dir DIR, laid out as DIR/SYNSET"),
        ("imagenet-r", "x", "val", SYNSETS, "has no splits"),
        ("imagenet-r", "x", None, ("cat", "dog"), "1000 of 1,000 are missing, and this one has cat, dog"),
        ("imagenet-r", "x", None, SYNSETS, "For --suite imagenet-r: DIR/SYNSET of 200"),
        ("imagenet-c", "x", None, SYNSETS, "no folders CORRUPTION/SEVERITY"),
    ],
)
def test_errors_name_what_is_missing_and_the_layout(suite, folder, split, classes, said, tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(UserError, match=said):
        parts_of(suite, None if folder is None else str(tmp_path / folder), split, classes)
    assert all(text.startswith(("DIR", "any")) for text in SUITES.values())


def test_the_csv_has_timms_columns():
    result = ClassificationMetrics(0.75, 1.0, 0.5, None, np.array([4]), 4, 123.4)
    about = {"model": "a", "img_size": 32, "param_count": "0.43", "crop_pct": 1.0, "interpolation": "bilinear"}
    (row,) = csv.DictReader(io.StringIO(csv_text([(about, PartScore("fog 1", result))])))
    assert list(row)[:9] == [
        *("model", "img_size", "top1", "top1_err", "top5", "top5_err", "param_count", "crop_pct", "interpolation")
    ]
    assert (row["top1"], row["top1_err"], row["dataset"], row["samples_per_sec"]) == (
        "75.000",
        "25.000",
        "fog 1",
        "123.4",
    )


def parts_with_error(error):
    """A part for each corruption and severity; `error` maps both to the top-1 error."""
    return [
        PartScore(
            f"{name} {severity}",
            ClassificationMetrics(1 - error(name, severity), 1.0, 0.5, None, np.array([4]), 4, 1.0),
        )
        for name in (*ALEXNET_ERROR, "speckle_noise")
        for severity in range(1, 6)
    ]


def test_mce_of_alexnet_itself_is_one_and_of_half_its_errors_a_half():
    """Severities are summed before the division; extra corruptions do not count (arXiv:1903.12261, Sec. 4.2)."""

    def like_alexnet(name, severity):
        return ALEXNET_ERROR.get(name, 0.0) * (0.8 + 0.1 * (severity - 1))  # the mean over severities is one

    assert mean_corruption_error(parts_with_error(like_alexnet)) == pytest.approx(1)
    assert mean_corruption_error(parts_with_error(lambda *at: like_alexnet(*at) / 2)) == pytest.approx(0.5)


def test_mce_weighs_corruptions_by_how_hard_alexnet_finds_them():
    easy = parts_with_error(lambda name, _: 0.5 if name == "brightness" else 0.0)
    hard = parts_with_error(lambda name, _: 0.5 if name == "impulse_noise" else 0.0)
    assert mean_corruption_error(easy) == pytest.approx(0.5 / 0.565 / 15)
    assert mean_corruption_error(hard) == pytest.approx(0.5 / 0.923 / 15)


def test_without_every_corruption_and_severity_there_is_no_mce():
    parts = parts_with_error(lambda *_: 0.5)
    assert mean_corruption_error(parts[1:]) is None
    assert mean_corruption_error([]) is None
