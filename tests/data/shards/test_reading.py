"""Packed images against the folder they were packed from."""

import os
import pickle
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch

from parcnet.base import UserError
from parcnet.data import Preprocessing, eval_loader, has_split, open_dataset, train_loader, train_transform
from parcnet.data.images import BadImage
from parcnet.recipes import Augmentation

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")

SMALL = Preprocessing((16, 16), (0.5,) * 3, (0.5,) * 3, crop_pct=1.0)
AUGMENT = Augmentation(auto_augment="rand-m9-mstd0.5-inc1", reprob=0.5)


@pytest.fixture(scope="session", autouse=True)
def _datasets_cache(tmp_path_factory):
    datasets.config.HF_DATASETS_CACHE = tmp_path_factory.mktemp("hf")
    datasets.disable_progress_bars()


@pytest.fixture(params=["wds", "hfds"])
def packed(request) -> str:
    return f"{request.param}/{request.getfixturevalue({'wds': 'tars', 'hfds': 'parquet'}[request.param])}"


def training(dataset, **options):
    settings = {"batch_size": 8, "seed": 1, "epoch": 2, "workers": 0, **options}
    return train_loader(dataset, transform=train_transform(SMALL, AUGMENT), **settings)


@pytest.mark.parametrize("split", ["train", "val"])
def test_indices_labels_and_bytes_are_those_of_the_folder(folder, packed, split):
    plain, images = open_dataset(folder, split), open_dataset(packed, split)
    assert (len(images), images.classes) == (len(plain), plain.classes)
    for index in range(len(plain)):
        assert images.content(index) == Path(plain.where(index)).read_bytes()
        assert images.label(index) == plain.label(index)
    assert has_split(packed, split)
    assert not has_split(packed, "test")


@pytest.mark.parametrize("workers", [0, 2])
def test_training_batches_are_bit_equal_to_the_folders(folder, packed, workers):
    expected = list(training(open_dataset(folder, "train")))
    found = list(training(open_dataset(packed, "train"), workers=workers))
    assert len(found) == len(expected) == 5
    for (images, labels), (other, other_labels) in zip(found, expected, strict=True):
        assert torch.equal(images, other)
        assert torch.equal(labels, other_labels)


def test_resuming_within_an_epoch_is_bit_equal(packed):
    images = open_dataset(packed, "train")
    for (first, _), (second, _) in zip(list(training(images))[3:], training(images, start_batch=3), strict=True):
        assert torch.equal(first, second)


def test_worker_processes_get_a_small_message_whatever_the_size(packed):
    images = open_dataset(packed, "train")
    images.image(0)
    sent = pickle.dumps(images)
    assert len(sent) < 6_000
    assert np.array_equal(pickle.loads(sent).image(1), images.image(1))


def test_labels_follow_the_classes_of_a_checkpoint(packed):
    val = open_dataset(packed, "val", classes=("other", "Katze Ä", "a b.c"))
    assert {val.label(index) for index in range(len(val))} == {1, 2}
    assert val.classes == ("other", "Katze Ä", "a b.c")
    with pytest.raises(UserError, match="training does not have: Katze Ä"):
        open_dataset(packed, "val", classes=("a b.c", "dog"))


@pytest.mark.parametrize("layout", ["wds", "hfds"])
def test_a_missing_folder_is_named_with_the_command_that_makes_it(layout, tmp_path, folder):
    with pytest.raises(UserError, match="parcnet data pack"):
        open_dataset(f"{layout}/{tmp_path}/nowhere", "train")
    with pytest.raises(UserError, match=r"parcnet data pack|no parquet files"):
        open_dataset(f"{layout}/{folder}", "train")


def test_a_missing_split_is_named(packed):
    with pytest.raises(UserError, match="test"):
        open_dataset(packed, "test")


def test_parquet_opened_as_tar_shards_is_an_error(parquet):
    with pytest.raises(UserError, match="--data-dir hfds/"):
        open_dataset(f"wds/{parquet}", "train")


@pytest.fixture
def damaged(tars, tmp_path):
    """The tar shards with the first byte of one image overwritten, and that image's number."""
    shutil.copytree(tars, tmp_path / "packed")
    images = open_dataset(f"wds/{tmp_path}/packed", "train")
    row = images._index[7]
    with (tmp_path / "packed" / images._split.shards[row["shard"]].name).open("r+b") as file:
        file.seek(int(row["offset"]))
        file.write(b"XXXXXXXXXXXX")
    return tmp_path / "packed", 7


def test_a_damaged_image_in_a_shard_is_named_and_bounded(damaged):
    root, number = damaged
    images = open_dataset(f"wds/{root}", "train")
    with pytest.raises(BadImage, match=r"train-0000\d-of-0000\d\.tar, byte \d+: not an image"):
        images.image(number)
    with pytest.raises(UserError, match=r"1 unreadable image, 0 allowed:\n.*\.tar, byte"):
        list(training(images))
    assert len(list(training(images, max_bad_images=1))) == 5
    loader = eval_loader(images, transform=SMALL.transform(), batch_size=8, workers=0, max_bad_images=1)
    assert sum(len(labels) for _, labels in loader) == 39


def swap_rows(root):
    rows = (root / "train.index").read_bytes()
    (root / "train.index").write_bytes(rows[20:40] + rows[:20] + rows[40:])


def make_fifo(root):
    (root / "train.index").unlink()
    os.mkfifo(root / "train.index")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda root: (root / "manifest.json").write_text("{"), "manifest.json is damaged"),
        (lambda root: (root / "manifest.json").unlink(), "No such file"),
        (lambda root: (root / "train.index").unlink(), "train.index: No such file"),
        (lambda root: (root / "train.index").write_bytes(b"x" * 800), "does not match its manifest|was altered"),
        (swap_rows, "train.index was altered or damaged: its SHA-256"),
        (make_fifo, "train.index: it is not a regular file"),
        (lambda root: shutil.copy(root / "val.index", root / "train.index"), "expected .* by its manifest"),
    ],
)
def test_a_damaged_packed_folder_is_named(spoil, message, tars, tmp_path):
    shutil.copytree(tars, tmp_path / "packed")
    spoil(tmp_path / "packed")
    with pytest.raises(UserError, match=message):
        open_dataset(f"wds/{tmp_path}/packed", "train")


def test_a_truncated_shard_is_a_bad_image_with_its_name(tars, tmp_path):
    shutil.copytree(tars, tmp_path / "packed")
    shard = sorted((tmp_path / "packed").glob("train-*.tar"))[0]
    shard.write_bytes(shard.read_bytes()[:1000])
    with pytest.raises(UserError, match=rf"{shard.name}.* has 1000 bytes; expected .* by its manifest"):
        list(training(open_dataset(f"wds/{tmp_path}/packed", "train")))


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "data/../x", ".hidden/x", "a/b/c"])
def test_a_manifest_cannot_name_files_outside_its_folder(name, tars, tmp_path):
    shutil.copytree(tars, tmp_path / "packed")
    manifest = tmp_path / "packed" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("train.index", name))
    with pytest.raises(UserError, match="not a plain file name"):
        open_dataset(f"wds/{tmp_path}/packed", "train")


_BY_TIMM = """
import sys, numpy
from timm.data.readers import create_reader
for image, label in create_reader("wds/", root=sys.argv[1], split="train", input_key="jpg;png"):
    print(label, numpy.asarray(image).tobytes().hex())
"""


def test_timms_own_reader_reads_our_tar_shards(tars, folder):
    pytest.importorskip("webdataset")
    # in a process of its own, since it leaves files open
    answer = subprocess.run([sys.executable, "-c", _BY_TIMM, tars], capture_output=True, text=True, check=True)
    plain = open_dataset(folder, "train")
    ours = (f"{plain.label(i)} {np.asarray(plain.image(i)).tobytes().hex()}" for i in range(len(plain)))
    assert sorted(answer.stdout.splitlines()) == sorted(ours)


def test_untarred_shards_are_a_folder_of_images(tars, tmp_path):
    for shard in tars.glob("train-*.tar"):
        with tarfile.open(shard) as tar:
            tar.extractall(tmp_path / "train", filter="data")
    for path in (tmp_path / "train").rglob("*.cls"):
        path.unlink()
    again = open_dataset(tmp_path, "train")
    assert (len(again), again.classes) == (40, ("Katze Ä", "a b.c"))
