"""The three packages as they stand on disk."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("parcnet", "parcnet_cli", "parcnet_lab")


def sources(*packages: str) -> Iterator[Path]:
    """The Python files of the packages, none given: of all three."""
    for package in packages or PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


@pytest.fixture(scope="session")
def trees() -> dict[Path, ast.Module]:
    """Path below the repository -> its syntax tree."""
    return {path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in sources()}
