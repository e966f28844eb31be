import errno
import json
import os

import pytest

from parcnet.base import UserError, atomic_path, check_writable, write_json, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_only_the_file_is_written(tmp_path):
    write_text(tmp_path / "deep" / "note.txt", "Grüße")
    assert (tmp_path / "deep" / "note.txt").read_text(encoding="utf-8") == "Grüße"
    assert names(tmp_path / "deep") == ["note.txt"]


def test_json_round_trip(tmp_path):
    write_json(tmp_path / "a.json", {"a": [1, 2.5, None, "ü"]})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"a": [1, 2.5, None, "ü"]}


def test_nan_and_infinity_in_json_are_rejected(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"loss": float("nan")})
    assert names(tmp_path) == []


def test_the_suffix_is_kept_for_writers_that_choose_a_format_by_it(tmp_path):
    with atomic_path(tmp_path / "curve.png") as temporary:
        assert (temporary.suffix, temporary.parent) == (".png", tmp_path)
        temporary.write_bytes(b"")


def test_the_old_file_stays_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("raised", [RuntimeError("mine"), KeyboardInterrupt()])
def test_an_error_in_the_block_leaves_the_old_file_and_no_temporary_one(tmp_path, raised):
    def fail_half_way():
        with atomic_path(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            raise raised

    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(type(raised)):
        fail_half_way()
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EIO, errno.ENOENT, errno.EBUSY])
def test_a_failing_disk_is_an_error_that_names_the_file_and_keeps_the_old_one(tmp_path, monkeypatch, step, number):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(UserError, match=f"cannot write {path}: {os.strerror(number)}"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_the_data_are_synced_before_the_replacement_and_the_folder_after_it(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (order.append("sync"), fsync(descriptor)))
    monkeypatch.setattr(os, "replace", lambda *paths: (order.append("replace"), replace(*paths)))
    write_text(tmp_path / "a.txt", "new")
    assert order == ["sync", "replace", "sync"]


def test_a_file_in_the_place_of_a_folder(tmp_path):
    write_text(tmp_path / "file", "")
    with pytest.raises(UserError, match="choose another path"):
        write_text(tmp_path / "file" / "a.txt", "")
    with pytest.raises(UserError, match="choose another path"):
        write_text(tmp_path / "file" / "deep" / "a.txt", "")


def test_a_folder_in_the_place_of_the_file(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(UserError, match="choose another name"):
        write_text(tmp_path / "a.txt", "")


def test_a_folder_that_cannot_be_created():
    with pytest.raises(UserError, match=r"cannot write /proc/foo/deep/a\.txt: "):
        write_text("/proc/foo/deep/a.txt", "")


def test_an_error_without_a_number_keeps_its_message(tmp_path):
    with pytest.raises(UserError, match=r"a\.jpg: no such mode\. Choose another path"), atomic_path(tmp_path / "a.jpg"):
        raise OSError("no such mode")


def test_other_exceptions_are_not_converted(tmp_path):
    with pytest.raises(AssertionError, match="nothing was written"), atomic_path(tmp_path / "a.txt"):
        pass  # forgot to write


@pytest.mark.parametrize("name", ["a.txt", "deep/er/a.txt", "old.txt"])
def test_a_writable_path_passes_the_check_and_nothing_is_written(name, tmp_path):
    (tmp_path / "old.txt").write_text("old")
    check_writable(tmp_path / name)
    assert names(tmp_path) == ["old.txt"]
    assert (tmp_path / "old.txt").read_text() == "old"


@pytest.mark.parametrize("name", ["folder", "file/a.txt", "file/deep/a.txt", "n" * 300 + ".txt", "n" * 300 + "/a.txt"])
@pytest.mark.parametrize("attempt", [check_writable, lambda path: write_text(path, "")])
def test_an_unwritable_path_is_the_same_error_before_and_after_the_work(attempt, name, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*[Cc]hoose a"):
        attempt(tmp_path / name)
    assert names(tmp_path) == ["file", "folder"]


def test_a_folder_that_accepts_no_files_is_an_error():
    with pytest.raises(UserError, match=r"cannot write /proc/a\.txt: "):
        check_writable("/proc/a.txt")
