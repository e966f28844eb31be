"""The shop window: its tables are generated and its links lead somewhere. Its code and commands: test_blocks.py."""

import re
from pathlib import Path

import pytest

from parcnet_cli.main import main
from parcnet_lab.bench import tables

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_networks_is_the_command_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--markdown"]) == 0
    shown = re.search(r"<!-- networks: .*? -->\n(.*?)<!-- /networks -->", README, re.DOTALL)
    assert shown is not None
    assert shown[1] == capsys.readouterr().out


def test_measured_tables_are_those_of_the_result_files() -> None:
    assert tables.stale([ROOT / "README.md"], ROOT / "benchmarks" / "results") == {}


@pytest.mark.parametrize("target", re.findall(r"\]\(((?!http)[^)]+)\)", README))
def test_every_link_inside_the_repository_has_its_target(target: str) -> None:
    assert (ROOT / target).exists()
