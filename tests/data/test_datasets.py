import hashlib

import numpy as np
import pytest

from parcnet.base import UserError
from parcnet.data import has_split, open_dataset

SPLITS = {"train": 1257, "val": 180, "test": 360}


@pytest.mark.parametrize(("split", "size"), SPLITS.items())
def test_digits_have_1257_train_180_val_and_360_test_images(split, size):
    digits = open_dataset(None, split)
    assert (len(digits), digits.name, digits.classes) == (size, "digits", tuple("0123456789"))
    assert has_split(None, split)


def test_digits_splits_share_no_image_and_together_are_all():
    from sklearn.datasets import load_digits

    parts = [open_dataset(None, split) for split in SPLITS]
    found = sorted((*part._images[i].ravel().tolist(), part.label(i)) for part in parts for i in range(len(part)))
    whole = load_digits()
    spread = np.rint(whole.images * 255 / 16).astype(int).reshape(1797, -1)
    assert found == sorted((*image, label) for image, label in zip(spread.tolist(), whole.target.tolist(), strict=True))


@pytest.mark.parametrize("split", SPLITS)
def test_digits_are_balanced(split):
    digits = open_dataset(None, split)
    counts = np.bincount([digits.label(i) for i in range(len(digits))])
    assert counts.min() / counts.max() > 0.8


def test_the_digits_test_split_is_the_one_every_published_number_was_measured_on():
    digits = open_dataset(None, "test")
    digest = hashlib.sha256(digits._images.tobytes() + digits._labels.tobytes())
    assert digest.hexdigest()[:16] == "a2fc2790f951761e"


def test_a_digit_is_a_real_grey_image_from_black_to_white():
    digits = open_dataset(None, "train")
    image = digits.image(0)
    assert (image.mode, image.size) == ("RGB", (8, 8))
    assert max(np.asarray(digits.image(i)).max() for i in range(20)) == 255
    assert digits.where(17) == "digits[train] 17"


def test_a_folder_of_any_names_and_sizes(make_folder):
    root = make_folder(train={"b cat": 2, "Ä": 3, "10": 1}, val={"b cat": 1})
    train, val = open_dataset(root, "train"), open_dataset(root, "val")
    assert train.classes == val.classes == ("10", "b cat", "Ä")
    assert [train.label(i) for i in range(len(train))] == [0, 1, 1, 2, 2, 2]
    assert (len(val), val.label(0), train.name) == (1, 1, "pets")
    assert train.image(2).size == (30, 21)
    assert train.where(2) == str(root / "train" / "b cat" / "1.png")
    assert has_split(root, "val")
    assert not has_split(root, "test")


def test_classes_and_order_are_torchvisions(make_folder):
    from torchvision.datasets import ImageFolder

    root = make_folder(train={"cat": 2, "Dog": 3, "10": 1, "9": 12})
    ours, theirs = open_dataset(root, "train"), ImageFolder(str(root / "train"))
    assert list(ours.classes) == theirs.classes
    assert [(ours.where(i), ours.label(i)) for i in range(len(ours))] == theirs.samples


def test_hidden_files_and_folders_are_neither_images_nor_classes(make_folder):
    root = make_folder(train={"cat": 1, "dog": 1, ".ipynb_checkpoints": 1})
    (root / "train" / "cat" / "._0.png").write_bytes(b"macOS puts these beside copies")
    (root / "train" / "cat" / "notes.txt").write_text("no image")
    train = open_dataset(root, "train")
    assert (train.classes, len(train)) == (("cat", "dog"), 2)


def test_images_are_found_in_folders_below_their_class_whatever_the_case_of_the_suffix(make_folder):
    root = make_folder(train={"cat": 1, "dog": 1, "cat/deep": 1})
    (root / "train/cat/deep/0.png").rename(root / "train/cat/deep/0.PNG")
    assert len(open_dataset(root, "train")) == 3


def test_labels_follow_the_classes_of_a_checkpoint(make_folder):
    root = make_folder(val={"cat": 1, "dog": 1})
    val = open_dataset(root, "val", classes=("ant", "dog", "cat"))
    assert val.classes == ("ant", "dog", "cat")
    assert [val.label(i) for i in range(2)] == [2, 1]


def test_the_name_of_a_folder_has_no_path_even_for_the_working_directory(make_folder, monkeypatch):
    monkeypatch.chdir(make_folder(train={"cat": 1, "dog": 1}))
    assert open_dataset(".", "train").name == "pets"


@pytest.mark.parametrize(
    ("splits", "split", "complaint"),
    [
        ({}, "train", "there is no folder .*pets.*Expected DIR/train/CLASS/IMAGE"),
        ({"training": {"cat": 1}}, "train", "has no folder train/; it holds training"),
        ({"train": {"cat": 1}}, "train", "at least two classes are needed; .*train has cat"),
        ({"train": {"cat": 1, "dog": 0}}, "train", "has no images of dog. Expected files ending in .jpg"),
        ({"train": {"cat": 1, "dog": 1}}, "val", "has no folder val/; it holds train"),
        ({"train": {"cat": 1, "dog": 1}, "val": {"cats": 1}}, "val", "training does not have: cats. Did you mean cat?"),
        ({"train": {"cat": 1, "dog": 1}, "val": {"xyz": 1}}, "val", "training does not have: xyz. It has cat, dog."),
    ],
)
def test_an_invalid_folder_is_an_error(make_folder, tmp_path, splits, split, complaint):
    make_folder(**splits)
    with pytest.raises(UserError, match=complaint):
        open_dataset(tmp_path / "pets", split)


def test_a_split_without_class_folders(make_folder):
    root = make_folder(train={})
    (root / "train").mkdir(parents=True)
    with pytest.raises(UserError, match="has no class folders"):
        open_dataset(root, "train")


def test_digits_reject_other_classes():
    with pytest.raises(UserError, match="not cat, dog"):
        open_dataset(None, "test", classes=("cat", "dog"))
