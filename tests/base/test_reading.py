import os
import socket

import pytest

from parcnet.base import read_regular


def test_a_regular_file_and_a_link_to_one(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").symlink_to("a")
    assert read_regular(tmp_path / "a") == read_regular(str(tmp_path / "b")) == b"abc"


def test_pipes_devices_sockets_and_folders_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="a pipe, a device or a socket"):
        read_regular(tmp_path / "pipe")
    for path in ("/dev/zero", "/dev/null"):
        with pytest.raises(OSError, match="not a regular file"):
            read_regular(path)
    with pytest.raises(IsADirectoryError):
        read_regular(tmp_path / "folder")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
        with pytest.raises(OSError, match=r"socket|No such device"):
            read_regular(tmp_path / "socket")
