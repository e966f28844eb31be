"""What is released: one version, and packages that hold all of it."""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

import parcnet

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[Path, Path]:
    """(wheel, sdist), built as `make dist` does."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


def _files(*folders: str) -> set[str]:
    found = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in found if "__pycache__" not in path.parts}


def test_the_version_is_the_same_everywhere(built) -> None:
    wheel, sdist = built
    assert wheel.name == f"parcnet-{parcnet.__version__}-py3-none-any.whl"
    assert sdist.name == f"parcnet-{parcnet.__version__}.tar.gz"
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))["version"] == parcnet.__version__


def test_the_changelog_leads_with_what_is_unreleased_and_then_this_version() -> None:
    headings = re.findall(
        r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == parcnet.__version__
    assert headings[1][1]


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(built) -> None:
    with zipfile.ZipFile(built[0]) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == _files("parcnet", "parcnet_cli", "parcnet_lab")
    for suffix in (".yaml", ".json", ".html"):  # recipes and the papers' tables, the tuned table, the templates
        assert any(name.endswith(suffix) for name in held)
    assert "parcnet/py.typed" in held


def test_the_sdist_holds_what_the_tests_and_the_site_need(built) -> None:
    with tarfile.open(built[1]) as sdist:
        held = {name.split("/", 1)[1] for name in sdist.getnames() if "/" in name}
    alone = {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "LICENSE", "Makefile", "constraints.txt"}
    assert alone | {"pyproject.toml", "mkdocs.yml"} <= held
    assert _files("parcnet", "parcnet_cli", "parcnet_lab", "tests", "docs", "examples", "benchmarks") <= held


def test_contributing_names_every_room() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rooms = [path.parent.name for path in (ROOT / "parcnet").glob("*/__init__.py")]
    assert [room for room in rooms if not re.search(rf"`(?:parcnet\.)?{room}`", text)] == []


@pytest.mark.slow  # not checked without it: the wheel installed in an environment of its own, and used there
def test_the_wheel_works_away_from_the_checkout(built) -> None:
    subprocess.run([sys.executable, str(ROOT / "tests/release/smoke.py"), str(built[0]), "--borrow"], check=True)
