import http.server
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from parcnet.data.shards.pack import PackResult, pack
from parcnet.data.shards.shard_plan import plan_shards


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """40 images of noise to train on and 9 to validate, of any size, JPEG and PNG, in names that tempt fate."""
    root = tmp_path_factory.mktemp("images") / "pets"
    noise = np.random.default_rng(0)
    for split, count in (("train", 20), ("val", 3)):
        for name in ("a b.c", "Katze Ä"):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = noise.integers(0, 256, (24 + number, 30, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / split / name / f"x.{number}.{('png', 'JPEG')[number % 2]}")
    Image.fromarray(pixels).save(root / "val" / "a b.c" / f"{'long' * 40}.png")
    return root


@pytest.fixture(scope="session")
def make_pack(tmp_path_factory) -> Callable[..., tuple[Path, PackResult]]:
    """make_pack(folder, "wds") packs in this process, into shards of a few images."""

    def make(source: Path, layout: str, **options: object) -> tuple[Path, PackResult]:
        target = options.pop("target", None) or tmp_path_factory.mktemp(layout) / "packed"
        settings = {"shard_bytes": 20_000, "workers": 0, "max_bad": 0, **options}
        plan = plan_shards(source, layout, settings.pop("shard_bytes"))
        return target, pack(plan, target, layout, **settings)

    return make


@pytest.fixture(scope="session")
def tars(folder, make_pack) -> Path:
    return make_pack(folder, "wds")[0]


@pytest.fixture(scope="session")
def parquet(folder, make_pack) -> Path:
    return make_pack(folder, "parquet")[0]


@pytest.fixture(autouse=True)
def _own_caches(tmp_path_factory, monkeypatch) -> None:
    monkeypatch.setenv("PARCNET_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """serve(folder) -> the address of a web server with its files.

    `serve.requested` lists the requested files; the first connection for each file in `serve.dropped` breaks half-way.
    """
    servers = []

    def start(root: Path) -> str:
        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rsplit("/", 1)[-1]
                start.requested.append(name)
                if name not in start.dropped:
                    return super().do_GET()
                start.dropped.remove(name)
                content = (root / name).read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2])
                return None

            def log_message(self, *_: object) -> None:
                """Silent."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(root)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    start.requested, start.dropped = [], []
    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
