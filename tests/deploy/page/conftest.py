"""A page made once, a server for it, and headless Chromium, asked through its own protocol over two pipes."""

import fcntl
import functools
import http.server
import json
import os
import select
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.data import Preprocessing
from parcnet.deploy import Export
from parcnet.deploy.page import Page, page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe"),
)
NAMES = tuple(f"kind {letter}" for letter in "ABCDEFGHIJKL")
ARGUMENTS = {"depths": (1, 1, 2, 1), "dims": (8, 16, 24, 32), "img_size": 160, "num_classes": len(NAMES)}
# Chromium is told its pipes by their numbers, 3 and 4
_EXEC = "import os,sys;os.dup2(int(sys.argv[1]),3);os.dup2(int(sys.argv[2]),4);os.execv(sys.argv[3],sys.argv[3:])"


class Tab:
    """A page that is open in the browser."""

    def __init__(self, browser: "Browser", session: str) -> None:
        self.session = session
        self._command = functools.partial(browser.command, session=session)
        self._events = browser.events

    def ask(self, script: str) -> object:
        """The value of a JavaScript expression, or of its promise."""
        found = self._command("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, script: str, seconds: float = 30) -> None:
        """Until the expression is true."""
        end = time.monotonic() + seconds
        while not self.ask(script):
            assert time.monotonic() < end, f"never: {script}; the page says {self.ask('document.body.innerText')}"
            time.sleep(0.05)

    def give(self, *files: Path) -> None:
        """Chooses files as a person does in the dialog."""
        root = self._command("DOM.getDocument")["root"]["nodeId"]
        node = self._command("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
        self._command("DOM.setFileInputFiles", nodeId=node, files=[str(file) for file in files])

    def shape(self, width: int, *, dark: bool = False) -> None:
        """Another width of the window, px, and the colours a person prefers."""
        phone = width < 600  # whose scroll bars take no room
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": phone}
        self._command("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._command("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self) -> str:
        """The whole page as PNG, base64."""
        return self._command("Page.captureScreenshot", captureBeyondViewport=True)["data"]

    def seen(self, method: str) -> list[dict]:
        """The events of a kind so far."""
        return [
            each["params"] for each in self._events if each["method"] == method and each["sessionId"] == self.session
        ]


class Browser:
    """Chromium, until `close`."""

    def __init__(self, profile: Path) -> None:
        assert CHROMIUM is not None
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (*os.pipe(), *os.pipe())]
        theirs_in, self._to, self._from, theirs_out = ends
        passed = (theirs_in, theirs_out)
        command = [sys.executable, "-c", _EXEC, *map(str, passed), CHROMIUM, *FLAGS, f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(command, pass_fds=passed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for end in passed:
            os.close(end)
        self._number, self._rest = 0, b""
        self.events: list[dict] = []

    def command(self, method: str, session: str | None = None, **parameters: object) -> dict:
        """The answer to a command of the DevTools protocol."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        os.write(self._to, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        while True:
            answer = self._message(60)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            if "method" in answer:
                self.events.append({"sessionId": None, **answer})

    def open(self, address: str) -> Tab:
        """A tab of its own, watched from the start."""
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        tab = Tab(self, self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        for domain in ("Page", "Runtime", "Network", "Log", "DOM"):
            self.command(f"{domain}.enable", session=tab.session)
        self.command("Page.navigate", session=tab.session, url=address)
        tab.wait("document.readyState === 'complete'")
        return tab

    def close(self) -> None:
        """Ends the process."""
        self._process.terminate()
        self._process.wait(20)
        os.close(self._to)
        os.close(self._from)

    def _message(self, seconds: float) -> dict:
        while b"\0" not in self._rest:
            assert select.select([self._from], [], [], seconds)[0], "Chromium does not answer"
            self._rest += (read := os.read(self._from, 2**20))
            assert read, "Chromium has ended"
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)


@pytest.fixture(scope="session")
def browser(tmp_path_factory) -> Iterator[Browser]:
    """Headless Chromium."""
    if CHROMIUM is None:
        pytest.skip("no chromium: not checked that the page works in a browser and says there what Python says")
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture(scope="session")
def photographs(tmp_path_factory) -> list[Path]:
    """Two real photographs; the second lies on its side, and its EXIF note says so."""
    from parcnet.data.packaged_images import photograph_path

    folder = tmp_path_factory.mktemp("photographs")
    (folder / "china.jpg").write_bytes(photograph_path("china.jpg").read_bytes())
    flower = Image.open(photograph_path("flower.jpg"))
    note = Image.Exif()
    note[0x0112] = 6
    flower.transpose(Image.Transpose.ROTATE_90).save(folder / "flower.jpg", quality=95, exif=note)
    return [folder / "china.jpg", folder / "flower.jpg"]


@pytest.fixture(scope="session")
def network(tmp_path_factory) -> Path:
    """A checkpoint whose answers differ much from picture to picture; it takes 128 x 160 px."""
    torch.manual_seed(0)
    model = timm.create_model("parcnetv2_digits", **ARGUMENTS).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.uniform_(0.5, 1.5)
            elif "kernel" in name:
                parameter.normal_(std=0.2)
        model.head.fc.weight.normal_(std=0.8)
    path = tmp_path_factory.mktemp("network") / "kinds.safetensors"
    preprocessing = Preprocessing((128, 160), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "bicubic", 0.9)
    about = checkpoint.Metadata("parcnetv2_digits", ARGUMENTS, NAMES, preprocessing.to_dict(), "photographs")
    checkpoint.save(path, model.state_dict(), about)
    return path


@pytest.fixture(scope="session")
def package(tmp_path_factory) -> Path:
    """A folder that looks like onnxruntime-web and runs nothing."""
    folder = tmp_path_factory.mktemp("package")
    (folder / "dist").mkdir()
    (folder / "package.json").write_text(json.dumps({"name": "onnxruntime-web", "version": "0.0.0"}))
    for name in ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"):
        (folder / "dist" / name).write_bytes(np.arange(50, dtype=np.uint8).tobytes())
    return folder


@pytest.fixture(scope="session")
def plain(network, package, tmp_path_factory) -> Page:
    """A page with a runtime that runs nothing."""
    return page(network, tmp_path_factory.mktemp("pages") / "plain", onnxruntime_web=package)


@pytest.fixture(scope="session")
def made(network, plain, tmp_path_factory) -> Page:
    """The page with the runtime that npm brings, and the network's file that was exported for `plain`."""
    if shutil.which("npm") is None:
        pytest.skip("no npm: not checked that the page runs with onnxruntime-web")

    def exported(_: object, path: Path, **__: object) -> Export:
        shutil.copyfile(plain.export.path, path)
        return plain.export

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("parcnet.deploy.page.build.export", exported)
        patch.setenv("npm_config_cache", str(tmp_path_factory.mktemp("npm")))
        patch.setenv("npm_config_fetch_retries", "0")  # without a network it would try for minutes
        try:
            return page(network, tmp_path_factory.mktemp("served") / "below" / "page", title="Kinds")
        except UserError as error:
            if "npm could not bring" not in str(error):
                raise
            pytest.skip(f"{error} Not checked that the page runs with onnxruntime-web")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class _Isolating(_Quiet):
    """A server by whose headers pages may share memory between threads."""

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()


@pytest.fixture(scope="session")
def served() -> Iterator[Callable[..., str]]:
    """served(folder, isolating=False) -> the address of a server of that folder on this machine."""
    servers = []

    def serve(folder: Path, isolating: bool = False) -> str:
        handler = functools.partial(_Isolating if isolating else _Quiet, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()
