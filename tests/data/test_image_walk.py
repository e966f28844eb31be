"""Folders as people have them: links, pipes, hidden files, other systems' names."""

import os
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from parcnet.base import UserError
from parcnet.data import open_dataset
from parcnet.data.image_walk import HIDDEN, OTHER, REPEATED, SPECIAL, UNREADABLE, walk_images
from parcnet.data.images import formats, suffixes


@pytest.fixture
def pets(make_folder) -> Path:
    return make_folder(train={"cat": 2, "dog": 3}, val={"cat": 1, "dog": 1})


def labelled(root: Path) -> list[tuple[str, str]]:
    images = open_dataset(root, "train")
    return [
        (os.path.relpath(images.where(i), root / "train"), images.classes[images.label(i)]) for i in range(len(images))
    ]


PLAIN = [("cat/0.png", "cat"), ("cat/1.png", "cat"), ("dog/0.png", "dog"), ("dog/1.png", "dog"), ("dog/2.png", "dog")]


@pytest.mark.parametrize("target", ["..", "../..", "../../..", ".", "/", "../dog", "../../val/../train"])
def test_a_link_to_a_folder_that_is_read_already_adds_nothing(pets, target, capsys):
    (pets / "train/cat/loop").symlink_to(target)
    assert labelled(pets) == PLAIN
    assert "skipped 1 path (read already elsewhere)" in capsys.readouterr().err


def test_two_links_to_the_parent_end(pets):
    for name in ("one", "two"):
        (pets / "train/cat" / name).symlink_to("..")
        (pets / "train/dog" / name).symlink_to("../..")
    assert labelled(pets) == PLAIN


def test_two_linked_folders_that_link_to_each_other_are_read_once(pets, tmp_path):
    for own, other in (("a", "b"), ("b", "a")):
        (tmp_path / own).mkdir()
        shutil.copy(pets / "val/cat/0.png", tmp_path / own / f"{own}.png")
        (tmp_path / own / "other").symlink_to(tmp_path / other)
    (pets / "train/cat/linked").symlink_to(tmp_path / "a")
    assert labelled(pets)[2:4] == [("cat/linked/a.png", "cat"), ("cat/linked/other/b.png", "cat")]
    assert len(labelled(pets)) == 7


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_file_is_read_once_and_where_it_is(pets, link):
    link(pets / "train/dog/0.png", pets / "train/cat/a.png")
    found = labelled(pets)
    assert len(found) == 5
    if link is os.symlink:
        assert found == PLAIN


def test_linked_classes_and_images_elsewhere_are_followed(pets, tmp_path):
    shutil.move(pets / "train/cat", tmp_path / "elsewhere")
    (pets / "train/cat").symlink_to(tmp_path / "elsewhere")
    shutil.move(pets / "train/dog/1.png", tmp_path / "one.png")
    (pets / "train/dog/1.png").symlink_to(tmp_path / "one.png")
    assert labelled(pets) == PLAIN


def test_a_broken_link_is_an_image_that_cannot_be_read(pets):
    (pets / "train/cat/lost.png").symlink_to("nowhere.png")
    assert len(open_dataset(pets, "train")) == 6


def test_what_is_skipped_is_counted_by_reason(pets):
    cat = pets / "train/cat"
    (cat / ".cache").mkdir()
    shutil.copy(cat / "0.png", cat / ".cache/0.png")
    (cat / "__MACOSX").mkdir()
    shutil.copy(cat / "0.png", cat / "__MACOSX/0.png")
    for name in ("._0.png", "Thumbs.db", ".DS_Store", "notes.txt", "photo.heic", "figure.eps"):
        (cat / name).write_bytes(b"x")
    os.mkfifo(cat / "pipe.png")
    (cat / "device.png").symlink_to("/dev/zero")
    (cat / "folder.png").mkdir()
    (cat / "loop").symlink_to("..")
    images = open_dataset(pets, "train")
    assert {reason: each.count for reason, each in images.skipped.items()} == {
        HIDDEN: 5,
        OTHER: 1,
        UNREADABLE: 2,
        SPECIAL: 2,
        REPEATED: 1,
    }
    assert images.skipped[OTHER].examples == [str(cat / "notes.txt")]
    assert labelled(pets) == PLAIN


def test_a_hidden_or_system_folder_is_no_class(pets):
    for name in ("__MACOSX", "$RECYCLE.BIN", "@eaDir", ".git"):
        shutil.copytree(pets / "train/cat", pets / "train" / name)
    assert open_dataset(pets, "train").classes == ("cat", "dog")


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "avif", "gif", "jp2", "tga", "JPG", "webp", "ppm", "qoi"])
def test_images_of_every_suffix_that_pillow_reads_are_found_and_read(pets, suffix):
    if suffix == "avif" and "AVIF" not in formats():
        pytest.skip("this Pillow has no AVIF: not checked that such files are read")
    Image.new("RGB", (8, 8), "red").save(pets / f"train/cat/new.{suffix}")
    images = open_dataset(pets, "train")
    found = next(i for i in range(len(images)) if images.where(i).endswith(f"new.{suffix}"))
    assert np.asarray(images.image(found))[4, 4, 0] > 200
    assert not {".eps", ".ps", ".pdf", ".wmf"} & set(suffixes())


def test_a_class_in_two_spellings_of_unicode_is_one_class(make_folder):
    composed, decomposed = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    root = make_folder(train={composed: 2, decomposed: 1, "tea": 1}, val={decomposed: 1, "tea": 1})
    train = open_dataset(root, "train")
    assert train.classes == (composed, "tea")
    assert [train.label(i) for i in range(len(train))] == [0, 0, 0, 1]
    val = open_dataset(root, "val", (decomposed, "tea"))  # those of a checkpoint trained elsewhere
    assert (val.classes, val.label(0)) == ((decomposed, "tea"), 0)
    with pytest.raises(UserError, match=r"same name, 'caf\\xe9' and 'cafe\\u0301'"):
        open_dataset(root, "val", (composed, decomposed))


def test_a_class_whose_name_is_not_utf_8_is_refused_before_any_work(pets):
    os.rename(os.fsencode(pets / "train/cat"), os.fsencode(pets / "train") + b"/caf\xe9")
    with pytest.raises(UserError, match=r"class folder caf\\xe9, whose name is not UTF-8. Rename it"):
        open_dataset(pets, "train")


def test_a_file_whose_name_is_not_utf_8_is_an_image(pets):
    os.rename(os.fsencode(pets / "train/cat/0.png"), os.fsencode(pets / "train/cat") + b"/caf\xe9.png")
    images = open_dataset(pets, "train")
    assert images.image(1).size == (30, 20)
    assert len(images) == 5


def test_the_name_of_a_folder_that_is_not_utf_8_is_printable(pets, tmp_path):
    root = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    os.rename(pets, root)
    assert open_dataset(root, "train").name == r"caf\xe9"


def test_a_folder_that_cannot_be_listed_is_an_error(pets, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UserError, match=r"cannot list .*cat: Permission denied"):
        walk_images(pets / "train", ("cat",))
