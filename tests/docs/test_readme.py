"""README: its tables are generated and its links have targets. Its code and commands: test_blocks.py."""

import re
from pathlib import Path

import pytest

from parcnet_cli.main import main
from parcnet_lab.bench import tables

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _networks(page: str) -> str:
    found = re.search(r"<!-- networks: .*? -->\n(.*?)<!-- /networks -->", page, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_tables_of_networks_are_those_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--markdown"]) == 0
    listed = capsys.readouterr().out
    assert _networks((ROOT / "docs" / "networks.md").read_text(encoding="utf-8")) == listed
    rows = _networks(README).splitlines()
    assert len(rows) > 4
    assert [row for row in rows if row not in listed.splitlines()] == []


def test_the_first_screen_has_the_two_commands_and_a_picture() -> None:
    first = README.partition("\n## ")[0]
    assert "\nmake demo " in first
    assert "\nmake test " in first
    assert "](docs/images/" in first


def test_measured_tables_are_those_of_the_result_files() -> None:
    assert tables.stale([ROOT / "README.md"], ROOT / "benchmarks" / "results") == {}


@pytest.mark.parametrize("target", re.findall(r"\]\(((?!http)[^)]+)\)", README))
def test_every_link_inside_the_repository_has_its_target(target: str) -> None:
    path, _, anchor = target.partition("#")
    assert (ROOT / path).exists()
    if anchor:
        headings = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}
