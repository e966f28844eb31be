"""The fingerprint of every layout: unchanged by copies, changed by other images, labels and names."""

import shutil

import numpy as np
import pytest
from PIL import Image

from parcnet.data import RepeatDataset, open_dataset
from parcnet.data.fingerprint import differs, fingerprint


def compared(before, now):
    return differs(fingerprint(before), fingerprint(now))


def opened(layout, root, split="train"):
    return open_dataset(f"{layout}/{root}" if layout else root, split)


def rotated(root):
    for path in (each for each in root.rglob("x.*") if each.is_file()):
        with Image.open(path) as image:
            image.transpose(Image.Transpose.ROTATE_180).save(path)


def exchanged(root):
    for split in ("train", "val"):
        for before, after in (("a b.c", "x"), ("Katze Ä", "a b.c"), ("x", "Katze Ä")):
            (root / split / before).rename(root / split / after)


@pytest.mark.parametrize("layout", ["", "wds", "hfds"])
@pytest.mark.parametrize("change", [rotated, exchanged])
def test_other_images_have_another_fingerprint_in_every_layout(layout, change, folder, make_pack, tmp_path):
    def laid_out(root):
        return root if not layout else make_pack(root, {"wds": "wds", "hfds": "parquet"}[layout])[0]

    same, other = (shutil.copytree(folder, tmp_path / name / "pets") for name in ("same", "other"))
    change(other)
    whole = opened(layout, laid_out(folder))
    assert compared(whole, opened(layout, laid_out(same))) is None
    assert compared(whole, opened(layout, laid_out(other))) == "labels or contents of its images"


def test_a_folder_and_its_shards_are_the_same_data(folder, tars, parquet):
    whole = open_dataset(folder, "train")
    assert compared(whole, opened("wds", tars)) is None
    assert compared(whole, opened("hfds", parquet)) is None
    assert compared(opened("wds", tars), opened("hfds", parquet)) is None
    assert compared(whole, open_dataset(folder, "val")) is not None


def test_of_a_web_server_no_image_is_read(tars, serve):
    images = open_dataset(f"wds/{serve(tars)}", "train")
    found = fingerprint(images)
    assert found["sample"] is None
    assert not any(name.endswith(".tar") for name in serve.requested)
    assert differs(found, fingerprint(opened("wds", tars))) is None  # one index, one list of checksums


def test_one_image_of_another_size_changes_the_listing(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "pets")
    changed = open_dataset(other, "train").where(1)
    Image.fromarray(np.zeros((3, 3, 3), np.uint8)).save(changed)
    before, now = (fingerprint(open_dataset(root, "train")) for root in (folder, other))
    assert before["listing"] != now["listing"]


def test_the_embedded_digits_and_repetitions():
    images = open_dataset(None, "val")
    assert compared(images, open_dataset(None, "val")) is None
    assert compared(images, open_dataset(None, "test")) is not None
    assert compared(RepeatDataset(images, 2), RepeatDataset(images, 2)) is None


def test_an_unreadable_image_does_not_end_it(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "pets")
    images = open_dataset(other, "train")
    with open(images.where(0), "wb"):
        pass
    assert compared(images, open_dataset(folder, "train")) is not None
