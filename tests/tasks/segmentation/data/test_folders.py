import os
import shutil
import struct

import numpy as np
import pytest
from PIL import Image

from parcnet.base import UserError
from parcnet.data import BadImage
from parcnet.data.fingerprint import differs, fingerprint
from parcnet.tasks.segmentation.data import IGNORED, has_label_maps, open_label_maps
from parcnet.tasks.segmentation.data.ade20k import ADE20K_CLASSES


def test_images_are_paired_with_their_label_maps(label_folder):
    root = label_folder()
    train, val = (open_label_maps(root, split, False) for split in ("train", "val"))
    assert (len(train), len(val), train.classes) == (1, 1, ("dark", "bright"))
    assert train.image(0).size == (384, 200)
    assert train.label(0).shape == (200, 384)
    assert np.array_equal(train.label(0) == 1, np.asarray(train.image(0))[..., 0] > 100)
    assert has_label_maps(root, "val")
    assert not has_label_maps(root, "test")


def test_ade20ks_layout_labels_and_classes(label_folder):
    """Labels 1 to 150 become 0 to 149, and 0, "other", is ignored."""
    root = label_folder(dark=0, bright=150, classes=None, names=("training", "validation"))
    images = open_label_maps(root, "train", reduce_zero_label=True)
    assert images.classes == ADE20K_CLASSES
    assert (len(set(ADE20K_CLASSES)), ADE20K_CLASSES[0], ADE20K_CLASSES[149]) == (150, "wall", "flag")
    assert set(np.unique(images.label(0))) == {149, IGNORED}


def test_255_is_ignored_with_and_without_reduce_zero_label(label_folder):
    root = label_folder(dark=IGNORED, bright=1)
    for reduce, expected in ((False, {1, IGNORED}), (True, {0, IGNORED})):
        assert set(np.unique(open_label_maps(root, "train", reduce).label(0))) == expected


def test_palette_indices_are_labels(label_folder):
    root = label_folder()
    path = root / "annotations" / "train" / "coins.png"
    plain = open_label_maps(root, "train", False).label(0)
    with Image.open(path) as image:
        coloured = image.convert("L")
    coloured.putpalette([200, 10, 10, 10, 200, 10])
    coloured.save(path)
    assert np.array_equal(open_label_maps(root, "train", False).label(0), plain)


def test_an_unknown_label_is_reported_with_its_file(label_folder):
    root = label_folder(bright=2)
    with pytest.raises(
        UserError, match=r"coins\.png: it holds the label 2; there are 2 classes, so at most 1"
    ) as error:
        open_label_maps(root, "train", False).label(0)
    assert "--reduce-zero-label" in str(error.value)


def test_a_label_map_of_another_size_is_refused(label_folder):
    root = label_folder()
    path = root / "annotations" / "train" / "coins.png"
    with Image.open(path) as image:
        smaller = image.resize((100, 50))
    smaller.save(path)
    with pytest.raises(UserError, match="100 x 50 pixels, its image 384 x 200"):
        open_label_maps(root, "train", False).label(0)


def test_a_label_map_of_colours_is_refused(label_folder):
    root = label_folder()
    path = root / "annotations" / "train" / "coins.png"
    Image.new("RGB", (384, 200)).save(path)
    with pytest.raises(UserError, match="has colours"):
        open_label_maps(root, "train", False).label(0)


def test_a_damaged_label_map_is_a_bad_image(label_folder):
    root = label_folder()
    path = root / "annotations" / "train" / "coins.png"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(BadImage, match=r"annotations.*coins\.png"):
        open_label_maps(root, "train", False).label(0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda root: (root / "annotations" / "train" / "coins.png").unlink(), "has no label map: expected"),
        (lambda root: (root / "images" / "train" / "coins.png").unlink(), "has no images"),
        (lambda root: (root / "classes.txt").unlink(), "which names the classes"),
        (lambda root: (root / "classes.txt").write_text("\n"), "names 0 classes; expected 2 to 255"),
        (lambda root: (root / "classes.txt").write_text("coin\ncoin\n"), "the class 'coin' twice"),
        (lambda root: (root / "images" / "train").rename(root / "images" / "elsewhere"), "there is no folder"),
    ],
)
def test_missing_files_are_reported_on_opening(label_folder, change, message):
    root = label_folder()
    change(root)
    with pytest.raises(UserError, match=message):
        open_label_maps(root, "train", False)


def test_a_missing_folder_and_other_classes_are_refused(label_folder):
    with pytest.raises(UserError, match="--data-dir DIR"):
        open_label_maps(None, "train", False)
    with pytest.raises(UserError, match="labels are indices into this list"):
        open_label_maps(label_folder(), "train", False, ("bright", "dark"))


def test_other_labels_of_the_same_images_have_another_fingerprint(label_folder):
    root = label_folder()
    before = fingerprint(open_label_maps(root, "train", reduce_zero_label=False))
    assert differs(before, fingerprint(open_label_maps(root, "train", reduce_zero_label=False))) is None
    path = root / "annotations" / "train" / "coins.png"
    with Image.open(path) as labels:
        flipped = Image.fromarray(1 - np.asarray(labels))
    flipped.save(path)
    now = fingerprint(open_label_maps(root, "train", reduce_zero_label=False))
    assert differs(before, now) == "labels or contents of its images"


def test_linked_folders_are_followed_and_hidden_ones_are_not(label_folder, tmp_path):
    root = label_folder()
    for folder in ("images", "annotations"):
        shutil.copytree(root / folder / "train", tmp_path / "more" / folder)
        (root / folder / "train" / "linked").symlink_to(tmp_path / "more" / folder)
        shutil.copytree(root / folder / "train", root / folder / "train" / ".ipynb_checkpoints")
    (root / "images" / "train" / "loop").symlink_to(".")
    train = open_label_maps(root, "train", False)
    assert [train.where(index)[len(str(root)) :] for index in range(len(train))] == [
        "/images/train/coins.png",
        "/images/train/linked/coins.png",
    ]
    assert sum(each.count for each in train.skipped.values()) == 2


def exif(kind: int, payload: bytes) -> bytes:
    """An EXIF block with an orientation of any TIFF type: 2 is text, 3 a short, 7 bytes."""
    return b"Exif\0\0II*\0" + struct.pack("<IHHHI", 8, 1, 0x0112, kind, 1) + payload.ljust(4, b"\0") + b"\0" * 4


@pytest.mark.parametrize("folder", ["images", "annotations"])
@pytest.mark.parametrize(("kind", "payload"), [(2, b"6"), (7, b"\x06"), (3, b"\x09\x00"), (3, b"\x00\x00")])
def test_an_orientation_that_is_none_turns_neither_image_nor_label_map(label_folder, folder, kind, payload):
    root = label_folder()
    path = root / folder / "train" / "coins.png"
    with Image.open(path) as image:
        image.save(path, exif=exif(kind, payload))
    assert open_label_maps(root, "train", False).label(0).shape == (200, 384)


def test_an_orientation_of_both_turns_both(label_folder):
    root = label_folder()
    plain = open_label_maps(root, "train", False).label(0)
    for folder in ("images", "annotations"):
        path = root / folder / "train" / "coins.png"
        with Image.open(path) as image:
            image.save(path, exif=exif(3, b"\x06\x00"))
    turned = open_label_maps(root, "train", False)
    assert turned.image(0).size == (200, 384)
    assert np.array_equal(turned.label(0), np.rot90(plain, -1))


def test_a_byte_order_mark_is_no_part_of_the_first_name(label_folder):
    root = label_folder()
    (root / "classes.txt").write_text("dark\nbright\n", encoding="utf-8-sig")
    assert open_label_maps(root, "train", False).classes == ("dark", "bright")


def test_a_pipe_for_a_label_map_is_a_bad_image_at_once(label_folder):
    root = label_folder()
    images = open_label_maps(root, "train", False)
    path = root / "annotations" / "train" / "coins.png"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(BadImage, match="a pipe"):
        images.label(0)
    with pytest.raises(UserError, match="has no label map"):
        open_label_maps(root, "train", False)


def test_a_negative_label_is_named_not_ignored(label_folder):
    root = label_folder()
    path = root / "annotations" / "train" / "coins.png"
    Image.fromarray(np.full((200, 384), -1, np.int32)).save(path, format="TIFF")
    with pytest.raises(BadImage, match="label -1"):
        open_label_maps(root, "train", False).label(0)
