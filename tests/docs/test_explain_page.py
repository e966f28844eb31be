"""docs/explain.md: its commands are ones that the parser takes, its pictures are there and small."""

import re
import shlex
from pathlib import Path

import pytest

from parcnet.explain import METHODS
from parcnet_cli.common.arguments import parse
from parcnet_cli.explain.gates import GatesOptions
from parcnet_cli.explain.gradcam import GradCamOptions
from parcnet_cli.explain.kernels import KernelsOptions
from parcnet_cli.explain.position import PositionOptions
from parcnet_cli.explain.receptive_field import ReceptiveFieldOptions
from parcnet_cli.report import ReportOptions

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "explain.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^parcnet (explain \w+|report) (.*)$", PAGE, re.MULTILINE)
KINDS = {
    "explain gradcam": GradCamOptions,
    "explain kernels": KernelsOptions,
    "explain erf": ReceptiveFieldOptions,
    "explain gates": GatesOptions,
    "explain position": PositionOptions,
    "report": ReportOptions,
}


def test_every_command_is_shown():
    assert {command for command, _ in COMMANDS} == set(KINDS)


@pytest.mark.parametrize(("command", "arguments"), COMMANDS)
def test_each_command_is_one_that_can_be_given(command, arguments):
    parsed = parse(KINDS[command], command, "", shlex.split(arguments))
    assert getattr(parsed, "method", "gradcam") in METHODS


@pytest.mark.parametrize(("words", "target"), re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", PAGE))
def test_pictures_are_there_small_and_described(words, target):
    assert (DOCS / target).stat().st_size < 150_000
    assert len(words) > 30


def test_methods_are_named():
    assert all(f"`{method}`" in PAGE for method in METHODS)
