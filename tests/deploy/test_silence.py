"""Exporting reports nothing, installs nothing, and leaves the home folder alone."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytest.importorskip("MNN")
pytest.importorskip("openvino")

# notes every connection and every program that Python starts; the converter's own process is given the same watch
WATCH = """
import json, os, sys
NOTED = (
    "socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request", "os.system", "subprocess.Popen",
)
def watch(event, arguments):
    if event in NOTED:
        with open(os.environ["WATCHED"], "a") as file:
            file.write(json.dumps([event, str(arguments)]) + "\\n")
sys.addaudithook(watch)
"""
EXPORT = """
from parcnet.deploy import export, open_exported
import torch
for kind, name in (("openvino", "net.xml"), ("mnn", "net.mnn")):
    export("parcnetv2_digits", name, format=kind, algorithm="conv")
    open_exported(name)(torch.zeros(1, 3, 32, 32))
"""


def _installed() -> set[str]:
    return {path.name for path in Path(sysconfig.get_paths()["purelib"]).iterdir()}


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("silent")
    (folder / "home").mkdir()
    (folder / "run").mkdir()
    before = _installed()
    environment = {key: value for key, value in os.environ.items() if key not in ("CI", "PYTEST_CURRENT_TEST")}
    environment |= {"HOME": str(folder / "home"), "WATCHED": str(folder / "log")}
    (folder / "log").touch()
    command = [sys.executable, "-c", WATCH + EXPORT]
    # without a network at all where the system allows that: then nothing compiled can have spoken either
    alone = ["unshare", "--user", "--map-root-user", "--net"]
    possible = subprocess.run([*alone, "true"], capture_output=True, check=False).returncode == 0
    done = subprocess.run(
        [*(alone if possible else []), *command], cwd=folder / "run", env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    return folder, before, events


def test_no_connection_is_opened(watched) -> None:
    assert [event for event in watched[2] if event[0].startswith(("socket", "urllib"))] == []


def test_the_only_program_started_is_the_converter(watched) -> None:
    programs = [arguments for event, arguments in watched[2] if event in ("subprocess.Popen", "os.system")]
    started = [arguments for arguments in programs if "ldconfig" not in arguments]  # how Python looks for a C library
    assert started
    assert all("mnn_convert.py" in arguments for arguments in started), started


def test_nothing_is_installed_and_nothing_written_at_home(watched) -> None:
    folder, before, _ = watched
    assert _installed() == before
    assert {path.name for path in (folder / "home").iterdir()} <= {".cache"}  # torch's, of its own compiler


def test_the_converter_imports_nothing_that_reports() -> None:
    code = "import sys, runpy\nsys.argv = ['x', '[]']\nimport _tools\nprint(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    modules = done.stdout
    assert "'_tools'" in modules
    assert not any(name in modules for name in ("aliyun", "MNN.tools", "'MNN'", "'requests'", "'urllib.request'"))


def test_a_person_who_uses_openvino_keeps_its_telemetry_package() -> None:
    from parcnet.deploy.runtimes.openvino_runtime import TELEMETRY, no_telemetry

    before = sys.modules.get(TELEMETRY, "absent")
    with no_telemetry(), pytest.raises(ImportError):
        __import__(TELEMETRY)
    assert sys.modules.get(TELEMETRY, "absent") is before
