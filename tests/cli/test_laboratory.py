"""Commands of the laboratory without the packages of the extra `lab`."""

import sys
from types import SimpleNamespace

import pytest

from parcnet_cli import main as command_line


@pytest.fixture
def command(monkeypatch):
    """command(name, error) lets the command `name` raise `error`."""

    def replace(name, error):
        def run(_arguments):
            raise error

        monkeypatch.setitem(sys.modules, f"{name}_without_packages", SimpleNamespace(run=run))
        monkeypatch.setitem(command_line._MODULES, name, f"{name}_without_packages")

    return replace


@pytest.mark.parametrize("name", ["bench", "paper"])
def test_a_missing_package_is_named_with_the_extra(name, command, parcnet):
    command(name, ModuleNotFoundError("No module named 'skimage.data'", name="skimage.data"))
    result = parcnet(name)
    assert result.code == 2
    assert (
        result.err == f"parcnet: `parcnet {name}` needs skimage, which is not installed: pip install 'parcnet[lab]'.\n"
    )


def test_an_import_that_fails_is_such_an_error(monkeypatch, parcnet):
    monkeypatch.setitem(command_line._MODULES, "paper", "skimage_that_nobody_has")
    result = parcnet("paper")
    assert result.code == 2
    assert "needs skimage_that_nobody_has" in result.err


@pytest.mark.parametrize(
    ("name", "missing"), [("bench", "parcnet_lab.bench.nothing"), ("paper", None), ("models", "skimage")]
)
def test_our_own_missing_modules_and_other_commands_keep_the_traceback(name, missing, command, parcnet):
    command(name, ModuleNotFoundError("No module named ...", name=missing))
    with pytest.raises(ModuleNotFoundError):
        parcnet(name)
