"""The documentation as a site: whole, without a network, and with nothing in it that is fetched from elsewhere."""

import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_BUILD = """
import socket, sys
def refuse(*_, **__): raise RuntimeError("the build wanted a network")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
from mkdocs.__main__ import cli
cli(["build", "--strict", "--config-file", sys.argv[1], "--site-dir", sys.argv[2]])
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The built site. Warnings (a link or an anchor that leads nowhere, a page left out) are errors."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-c", _BUILD, str(ROOT / "mkdocs.yml"), str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder


def test_every_page_is_built(site) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix("") for path in (ROOT / "docs").rglob("*.md")}
    assert len(pages) > 20
    assert pages <= {path.relative_to(site).with_suffix("") for path in site.rglob("*.html")}


def test_nothing_is_fetched_from_elsewhere(site) -> None:
    tag = re.compile(r"<(?:script|img|iframe|source|link)\b[^>]*?(?:src|href)=\"?(?:https?:)?//[^>]*>")
    fetched = {page.name: tag.findall(page.read_text("utf-8")) for page in site.rglob("*.html")}
    assert not any(fetched.values()), fetched
    styles = [
        style for style in site.rglob("*.css") if re.search(r"url\([\"']?(?:https?:)?//", style.read_text("utf-8"))
    ]
    assert not styles


def test_files_of_the_repository_that_pages_link_to_come_along(site) -> None:
    script = "examples/slurm.sh"
    assert (site / "files" / script).read_bytes() == (ROOT / script).read_bytes()
    assert f"files/{script}" in (site / "reliability.html").read_text("utf-8")


def test_changes_and_how_to_take_part_are_pages(site) -> None:
    home = (site / "index.html").read_text("utf-8")
    assert all((site / f"{name}.html").is_file() and f"{name}.html" in home for name in ("CHANGELOG", "CONTRIBUTING"))


@pytest.mark.parametrize(
    ("module", "page"),
    [
        ("parcnet.ops", "ops"),
        ("parcnet.layers", "layers"),
        ("parcnet.models", "models"),
        ("parcnet.data", "data"),
        ("parcnet.tasks.task", "tasks"),
        ("parcnet.tasks.detection", "tasks"),
        ("parcnet.tasks.segmentation", "tasks"),
        ("parcnet.training", "training"),
        ("parcnet.evaluation", "evaluation"),
        ("parcnet.explain", "explain"),
        ("parcnet.deploy", "deploy"),
        ("parcnet_lab.bench", "lab"),
        ("parcnet_lab.paper.claims", "lab"),
    ],
)
def test_the_reference_has_every_public_name(module, page, site) -> None:
    text = (site / "api" / f"{page}.html").read_text("utf-8")
    loaded = importlib.import_module(module)
    names = getattr(loaded, "__all__", [name for name in vars(loaded) if not name.startswith("_")])
    public = [
        name
        for name in names
        if inspect.isfunction(held := getattr(loaded, name)) or inspect.isclass(held)
        if hasattr(loaded, "__all__") or held.__module__ == module
    ]
    assert public
    assert [name for name in public if f'id="{module}.{name}"' not in text] == []


def test_aligned_columns_of_a_docstring_become_a_list(site) -> None:
    assert '<li><code>kernel_fit</code>: "interpolate"' in (site / "api" / "layers.html").read_text("utf-8")
