"""What killed writers leave, and what live ones still need."""

import errno as os_errors
import os
import subprocess
import sys
import time

import pytest

from parcnet.base import UserError, atomic_path, is_partial, partial_files, remove_partial, staging_folder, write_text

_HANGS = """
import sys, time
from parcnet.base.files import atomic_path, staging_folder
with atomic_path(sys.argv[1] + "/a.txt") as file, staging_folder(sys.argv[1] + "/b") as folder:
    file.write_text("half")
    (folder / "half").write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_live_writers_files_stay_and_those_without_a_writer_go(tmp_path):
    with atomic_path(tmp_path / "a.txt") as file, staging_folder(tmp_path / "b") as folder:
        file.write_text("half")
        write_text(tmp_path / "c.txt", "")
        assert sorted([file.name, folder.name, "c.txt"]) == names(tmp_path)
    handles = [partial_files.partial_file(tmp_path / "a.txt")[1], partial_files.partial_folder(tmp_path / "b")[1]]
    assert len(names(tmp_path)) == 4
    for handle in handles:
        os.close(handle)  # as the kernel does when a process dies
    remove_partial(tmp_path)
    assert names(tmp_path) == ["a.txt", "c.txt"]


def test_a_file_that_its_writer_replaces_stays_locked(tmp_path):
    (tmp_path / "finished").write_text("whole")
    partial, handle = partial_files.partial_file(tmp_path / "a.txt")
    os.replace(tmp_path / "finished", partial)
    handle = partial_files.locked_again(handle, partial)
    remove_partial(tmp_path)
    assert partial.read_text() == "whole"
    os.close(handle)


@pytest.mark.slow  # without it, a kill is only simulated, by a closed handle
def test_a_live_writers_files_stay_and_a_killed_ones_go(tmp_path):
    writer = subprocess.Popen([sys.executable, "-c", _HANGS, tmp_path], stdout=subprocess.PIPE)
    try:
        assert writer.stdout.readline() == b"ready\n"
        write_text(tmp_path / "c.txt", "")
        assert len(names(tmp_path)) == 3
        assert sum(map(is_partial, names(tmp_path))) == 2
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()
    write_text(tmp_path / "c.txt", "")
    assert names(tmp_path) == ["c.txt"]


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize(("days", "left"), [(0, 1), (2, 0)])
@pytest.mark.parametrize("case", ["another machine", "no locks"])
def test_without_a_lock_that_says_more_only_old_ones_go(tmp_path, monkeypatch, case, days, left, kind):
    host = "0" * 6 if case == "another machine" else partial_files._HOST
    path = tmp_path / f".parcnet-{host}-01234567.partial.txt"
    path.write_text("half") if kind == "file" else path.mkdir()
    if case == "no locks":
        monkeypatch.setattr("parcnet.base.locks.fcntl", None)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + days * 86_500)
    remove_partial(tmp_path)
    assert len(names(tmp_path)) == left


@pytest.mark.parametrize("name", ["film.partial", ".film.partial", ".parcnet-mine.partial", "parcnet-000000-01234567"])
def test_other_programs_files_are_never_removed(tmp_path, name):
    (tmp_path / name).write_text("a download")
    os.utime(tmp_path / name, (0, 0))
    remove_partial(tmp_path)
    assert names(tmp_path) == [name]


def test_a_link_is_never_followed(tmp_path):
    (tmp_path / "precious").mkdir()
    link = tmp_path / f".parcnet-{partial_files._HOST}-01234567.partial"
    link.symlink_to("precious")
    remove_partial(tmp_path)
    assert names(tmp_path) == [link.name, "precious"]


def test_a_system_without_locks_writes_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("parcnet.base.locks.fcntl", None)
    write_text(tmp_path / "a.txt", "a")
    with staging_folder(tmp_path / "b") as folder:
        assert folder.is_dir()
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_sync_that_the_file_system_refuses_is_no_failure(tmp_path, monkeypatch):
    def sync(handle, number):
        if os.path.isdir(f"/proc/self/fd/{handle}"):
            raise OSError(number, os.strerror(number))

    for name in ("EINVAL", "ENOTSUP", "EACCES", "EPERM", "EBADF"):
        monkeypatch.setattr(os, "fsync", lambda handle, name=name: sync(handle, getattr(os_errors, name)))
        write_text(tmp_path / "a.txt", name)
        assert (tmp_path / "a.txt").read_text() == name
    monkeypatch.setattr(os, "fsync", lambda handle: sync(handle, os_errors.EIO))
    with pytest.raises(UserError, match="Check the disk"):
        write_text(tmp_path / "a.txt", "")


def test_zero_bytes_are_a_result_and_nothing_is_a_mistake(tmp_path):
    write_text(tmp_path / "a.txt", "")
    assert (tmp_path / "a.txt").read_bytes() == b""
    with pytest.raises(AssertionError, match="nothing was written"), atomic_path(tmp_path / "a.txt"):
        pass
