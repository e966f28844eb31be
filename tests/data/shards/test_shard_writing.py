import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from parcnet.base import UserError
from parcnet.data import open_dataset
from parcnet.data.shards import shard_writing
from parcnet.data.shards.pack import index
from parcnet.data.shards.tar_shards import member_name, read_tar, write_tar

LAYOUTS = ["wds", "parquet"]


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_manifest_has_classes_counts_and_shards_of_about_the_requested_size(layout, folder, make_pack):
    root, outcome = make_pack(folder, layout)
    manifest = json.loads((root / "manifest.json").read_text())
    assert manifest["classes"] == ["Katze Ä", "a b.c"]
    assert manifest["splits"]["train"]["per_class"] == [20, 20]
    assert manifest["splits"]["val"]["per_class"] == [3, 4]
    assert outcome.bad == ()
    shards = manifest["splits"]["train"]["shards"]
    assert len(shards) > 2
    assert all((root / shard["name"]).stat().st_size == shard["bytes"] < 60_000 for shard in shards)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_packing_twice_gives_equal_files(layout, folder, make_pack):
    assert files(make_pack(folder, layout)[0]) == files(make_pack(folder, layout, workers=2)[0])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_interrupted_run_resumes_to_identical_files(layout, folder, make_pack):
    whole, _ = make_pack(folder, layout)
    expected = files(whole)
    shards = sorted(path for path in whole.rglob("*") if path.suffix in (".tar", ".parquet"))
    for path in [*shards[1:], whole / "manifest.json"]:
        path.unlink()
    (shards[0].parent / ".1234.partial.tar").write_bytes(b"what a killed run leaves")
    _, outcome = make_pack(folder, layout, target=whole)
    assert outcome.kept == 1
    (shards[0].parent / ".1234.partial.tar").unlink()
    assert files(whole) == expected


@pytest.mark.slow
def test_sigkill_while_packing_loses_nothing(folder, tmp_path, make_pack):
    target = tmp_path / "packed"
    command = [sys.executable, "-m", "parcnet", "data", "pack", folder, target, "--format", "wds", "--shard-size", "1"]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
    time.sleep(4.0)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    make_pack(folder, "wds", target=target, shard_bytes=1_000_000)
    assert files(target) == files(make_pack(folder, "wds", shard_bytes=1_000_000)[0])


@pytest.fixture
def spoilt(folder, tmp_path):
    """The folder with two unreadable images."""
    shutil.copytree(folder, tmp_path / "pets")
    victims = sorted((tmp_path / "pets" / "train").rglob("*.png"))[:2]
    victims[0].write_bytes(b"")
    victims[1].write_bytes(victims[1].read_bytes()[:100])
    return tmp_path / "pets", victims


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("workers", [0, 2])
def test_unreadable_images_are_named_and_bounded(layout, workers, spoilt, make_pack):
    root, victims = spoilt
    with pytest.raises(UserError, match=r"(?s)unreadable images?, \d allowed:\n  .*png: .*--max-bad-images"):
        make_pack(root, layout, workers=workers, max_bad=0)
    _, outcome = make_pack(root, layout, workers=workers, max_bad=2)
    assert {error.where for error in outcome.bad} == set(map(str, victims))
    assert outcome.manifest.splits["train"].images == 38


@pytest.mark.parametrize("layout", LAYOUTS)
def test_unreadable_images_are_named_again_when_their_shard_is_kept(layout, spoilt, make_pack):
    root, _ = spoilt
    target, _ = make_pack(root, layout, max_bad=2)
    with pytest.raises(UserError, match="unreadable images, 0 allowed"):
        make_pack(root, layout, target=target, max_bad=0)
    assert len(make_pack(root, layout, target=target, max_bad=2)[1].bad) == 2


def test_indices_stay_consecutive_when_an_image_is_left_out(spoilt, make_pack):
    root, victims = spoilt
    target, _ = make_pack(root, "wds", max_bad=2)
    for path in victims:
        path.unlink()
    plain, images = open_dataset(root, "train"), open_dataset(f"wds/{target}", "train")
    assert [images.content(i) for i in range(38)] == [Path(plain.where(i)).read_bytes() for i in range(38)]


def test_shards_of_other_images_are_rejected(folder, make_pack, tmp_path):
    target, _ = make_pack(folder, "wds")
    shutil.copytree(folder, tmp_path / "pets")
    victim = sorted((tmp_path / "pets" / "train").rglob("*.JPEG"))[0]
    victim.rename(victim.with_name("another.JPEG"))
    with pytest.raises(UserError, match=r"was packed from other images|Delete the packed folder"):
        make_pack(tmp_path / "pets", "wds", target=target)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_replaced_image_of_the_same_size_and_time_is_packed_again(layout, folder, make_pack, tmp_path):
    target, _ = make_pack(folder, layout)
    shutil.copytree(folder, tmp_path / "pets")
    victim = sorted((tmp_path / "pets" / "train").rglob("*.JPEG"))[0]
    times, content = victim.stat(), victim.read_bytes()
    victim.write_bytes(content[:15] + bytes([content[15] ^ 1]) + content[16:])  # JFIF's density: no pixel changes
    os.utime(victim, ns=(times.st_atime_ns, times.st_mtime_ns))
    _, again = make_pack(tmp_path / "pets", layout, target=target)
    assert again.kept == len(list(target.rglob("*-of-*"))) - 1
    assert files(target) == files(make_pack(tmp_path / "pets", layout)[0])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_shards_of_another_size_are_rejected(layout, folder, make_pack):
    """Readers take every shard in the folder: each image would be there twice."""
    target, _ = make_pack(folder, layout)
    (target / "manifest.json").unlink()
    before = files(target)
    with pytest.raises(UserError, match=r"a shard of other images.*--shard-size"):
        make_pack(folder, layout, target=target, shard_bytes=40_000)
    assert files(target) == before


def test_a_folder_with_other_files_is_not_written_to(folder, make_pack, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match=r"thesis\.tex.*new folder"):
        make_pack(folder, "wds", target=tmp_path)


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_is_reported_with_a_remedy(folder, make_pack, monkeypatch):
    monkeypatch.setattr(shard_writing, "_pack", _die)
    with pytest.raises(UserError, match=r"a packing process died.*Finished shards are kept"):
        make_pack(folder, "wds", workers=1)


def test_names_in_shards():
    assert member_name("cat/IMG.1.JPEG", 12) == "cat/00000012-IMG_1.jpg"
    assert member_name("n01/x/y.PNG", 3) == "n01/x/00000003-y.png"


def test_foreign_tar_shards_are_indexed(folder, tmp_path):
    plain = open_dataset(folder, "train")
    for shard in range(2):
        indices = range(shard, len(plain), 2)
        images = [
            (f"n{i}.{'png' if i % 2 else 'jpg'}", Path(plain.where(i)).read_bytes(), plain.label(i)) for i in indices
        ]
        write_tar(tmp_path / f"imagenet-train-{shard:04d}.tar", images)
    index(tmp_path, ("cat", "dog"))
    images = open_dataset(f"wds/{tmp_path}", "train")
    assert (len(images), images.classes) == (40, ("cat", "dog"))
    assert images.content(0) == Path(plain.where(0)).read_bytes()
    with pytest.raises(UserError, match="has the label 1, but only 1 class names"):
        index(tmp_path, ("cat",))


@pytest.mark.parametrize("cut", [300, 700, 5000])
def test_a_damaged_shard_is_named_when_it_is_indexed(cut, tars, tmp_path):
    shard = sorted(tars.glob("train-*.tar"))[0]
    (tmp_path / "x-train-0.tar").write_bytes(shard.read_bytes()[:cut])
    with pytest.raises(UserError, match=r"x-train-0\.tar"):
        list(read_tar(tmp_path / "x-train-0.tar"))


def tar(path: Path, *members: tuple[str, bytes]) -> None:
    with tarfile.open(path, "w") as file:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("a.jpg", b"x"), ("b.jpg", b"x"), ("a.cls", b"1")], r"1 member cannot be placed, 'b\.jpg' first"),
        ([("cat/a.jpg", b"x"), ("cat/b.jpg", b"x")], r"2 members cannot be placed, 'cat/a\.jpg' first"),
        ([("a.jpg", b"x"), ("a.png", b"x"), ("a.cls", b"1")], r"1 member cannot be placed, 'a\.png' first"),
        ([("a.cls", b"1")], r"1 member cannot be placed, 'a\.cls' first"),
        (
            [("a.json", b"{}"), ("b.heic", b"x"), ("._a.jpg", b"x")],
            r"no images of train.*1 \(no image\), e\.g\. a\.json",
        ),
        ([], "no images of train: its shards hold nothing"),
        ([("a.jpg", b"x"), ("a.cls", b"999999999")], "a.cls holds the label 999999999; expected 0 to 999999"),
    ],
)
def test_what_a_shard_holds_is_placed_or_named(members, message, tmp_path):
    tar(tmp_path / "train-0.tar", *members)
    with pytest.raises(UserError, match=message):
        index(tmp_path, None)


def test_images_of_unread_formats_in_shards_are_counted(tmp_path, capsys):
    tar(tmp_path / "train-0.tar", ("a.jpg", b"x"), ("a.cls", b"0"), ("b.heic", b"x"), ("c.heic", b"x"))
    index(tmp_path, None)
    assert "skipped 2 paths (an image of a format that is not read): b.heic, ..." in capsys.readouterr().err


@pytest.mark.parametrize("layout", LAYOUTS)
def test_file_names_that_are_not_utf_8_are_packed(layout, folder, make_pack, tmp_path):
    for split, name in (("train", "a b.c"), ("train", "Katze Ä")):
        (tmp_path / split / name).mkdir(parents=True)
        shutil.copy(folder / split / name / "x.0.png", os.fsencode(tmp_path / split / name) + b"/caf\xe9.png")
    for _ in range(2):  # the second time the shard is checked
        target, packed = make_pack(tmp_path, layout, target=tmp_path / "packed")
        assert packed.manifest.splits["train"].per_class == (1, 1)
    assert packed.kept == 1
    assert json.loads((target / "manifest.json").read_text())["name"] == tmp_path.name


def test_no_shards_to_index(tmp_path):
    with pytest.raises(UserError, match="no tar files with train, val or test"):
        index(tmp_path, None)
