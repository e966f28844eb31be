"""Label maps that would train to a perfect score without anything learned."""

import shutil

import numpy as np
import pytest
from PIL import Image

from parcnet.base import UserError
from parcnet.recipes import Data, Recipe
from parcnet.tasks.segmentation.data import check_labels, count_labels, open_label_maps
from parcnet.tasks.segmentation.recipe import SegmentationSettings
from parcnet.tasks.segmentation.task import TASK


def test_pixels_of_each_class_and_the_ignored_are_counted(label_folder):
    maps = open_label_maps(label_folder(dark=1, bright=255), "train", False)
    counts = count_labels(maps)
    bright = int((np.asarray(maps.image(0))[..., 0] > 100).sum())
    assert counts.pixels.tolist() == [0, 200 * 384 - bright]
    assert (counts.ignored, counts.absent, counts.maps) == (bright, [0], 1)


@pytest.mark.parametrize("reduce", [False, True])
def test_binary_masks_of_0_and_255_are_refused_before_training(label_folder, reduce):
    recipe = Recipe(
        task="segmentation",
        data=Data(data_dir=str(label_folder(dark=0, bright=255))),
        settings=SegmentationSettings(reduce_zero_label=reduce),
    )
    only = "no class has" if reduce else "only the class 'dark' has"
    with pytest.raises(UserError, match=rf"train in coins: {only} pixels.*255 is reserved.*store that class"):
        TASK.open_splits(recipe)


def test_one_class_alone_cannot_be_learned_but_may_be_evaluated(label_folder, capsys):
    root = label_folder(dark=1, bright=1)
    with pytest.raises(UserError, match=r"only the class 'bright' has pixels\. Expected at least two of dark, bright"):
        check_labels(open_label_maps(root, "train", False), "train")
    check_labels(open_label_maps(root, "val", False), "val")
    assert "no pixel of dark in 1 label map" in capsys.readouterr().err


def test_masks_of_0_and_255_are_refused_in_validation_too(label_folder):
    with pytest.raises(UserError, match=r"val in coins: only the class 'dark'"):
        check_labels(open_label_maps(label_folder(dark=0, bright=255), "val", False), "val")


def test_a_class_without_pixels_is_named(label_folder, capsys):
    maps = open_label_maps(label_folder(classes="dark\nbright\nunseen\nrare\n"), "train", False)
    check_labels(maps, "train")
    assert "no pixel of unseen, rare in 1 label map." in capsys.readouterr().err


def test_complete_label_maps_need_no_word(label_folder, capsys):
    check_labels(open_label_maps(label_folder(), "train", False), "train")
    assert capsys.readouterr().err == ""


def test_a_large_ignored_fraction_is_said(label_folder, capsys):
    root = label_folder()
    path = root / "annotations" / "train" / "coins.png"
    labels = np.full((200, 384), 255, np.uint8)
    labels[:10, :10], labels[10:20] = 0, 1
    Image.fromarray(labels).save(path)
    check_labels(open_label_maps(root, "train", False), "train")
    assert "94.9% of the pixels in 1 label map are ignored" in " ".join(capsys.readouterr().err.split())


@pytest.fixture
def many(label_folder):
    """Twelve label maps of one class; only the last one shows the other."""
    root = label_folder(dark=0, bright=0)
    for folder in ("images", "annotations"):
        first = root / folder / "train" / "coins.png"
        for number in range(11):
            shutil.copy(first, first.with_name(f"{number:02d}.png"))
    labels = np.zeros((200, 384), np.uint8)
    labels[0, 0] = 1
    Image.fromarray(labels).save(root / "annotations" / "train" / "coins.png")
    return open_label_maps(root, "train", False)


def test_a_sample_without_a_second_class_is_followed_by_the_rest(many):
    counts = count_labels(many, sample=4)
    assert counts.maps == 12
    assert counts.absent == []


def test_many_label_maps_are_sampled(many):
    many.classes = ("dark", "bright")
    many.label = lambda index: np.array([[index // 6]], np.uint8)
    counts = count_labels(many, sample=4)
    assert (counts.maps, counts.total) == (4, 12)
