import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from parcnet.data import open_dataset
from parcnet_cli.main import main


@dataclass(frozen=True)
class CommandResult:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    def json(self):
        return json.loads(self.out)


@pytest.fixture
def parcnet(capsys) -> Callable[..., CommandResult]:
    """parcnet("predict", path, ...) runs the command in this process."""

    def run(*arguments: object) -> CommandResult:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return CommandResult(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def digit_files(tmp_path_factory) -> Path:
    """A folder of real images: the digits 3 and 4, 12 PNG files each, in train/ and in val/."""
    root = tmp_path_factory.mktemp("folder") / "two_digits"
    for split in ("train", "val"):
        images = open_dataset(None, split)
        for label in (3, 4):
            (root / split / str(label)).mkdir(parents=True)
            for index in [index for index in range(len(images)) if images.label(index) == label][:12]:
                images.image(index).save(root / split / str(label) / f"{index}.png")
    return root


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """The run folder of a short training on the embedded digits, by the command itself."""
    run = tmp_path_factory.mktemp("runs") / "digits"
    options = ("--epochs", "2", "--warmup-epochs", "0.5", "--device", "cpu", "--output", str(run))
    assert main(["train", *options]) == 0
    return run
