"""Shared by all rooms: one thread a process, because the tests run in several processes."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is imported

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from parcnet.data import open_dataset
from parcnet.recipes import Augmentation, Data, Network, Recipe, Run, Schedule

# first calls compile and load; a deadline would measure that. Derandomised, so that a red run is red again.
settings.register_profile("parcnet", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("parcnet")


def pytest_configure() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory) -> Path:
    """Real images as a folder: the digits 0, 1 and 7 as PNG files, 20/8/8 images each in train/val/test."""
    root = tmp_path_factory.mktemp("data") / "three_digits"
    for split, count in (("train", 20), ("val", 8), ("test", 8)):
        images = open_dataset(None, split)
        for label, name in ((0, "zero"), (1, "one"), (7, "seven")):
            folder = root / split / name
            folder.mkdir(parents=True)
            chosen = [index for index in range(len(images)) if images.label(index) == label][:count]
            for index in chosen:
                images.image(index).save(folder / f"{index}.png")
    return root


@pytest.fixture
def recipe(digits_folder, tmp_path) -> Callable[..., Recipe]:
    """recipe(lr=..., epochs=...): two epochs of three steps on `digits_folder`, any field replaced by its flat name."""
    plain = Recipe(
        name="test",
        network=Network(model="parcnetv2_digits", img_size=32, drop_path=0.1),
        data=Data(data_dir=str(digits_folder), batch_size=20, workers=0, crop_pct=1.0),
        augmentation=Augmentation(scale=(0.8, 1.0), hflip=0.0, color_jitter=0.0),
        schedule=Schedule(epochs=2, warmup_epochs=0.5),
        run=Run(device="cpu", output=str(tmp_path / "run")),
    )

    def make(**fields: object) -> Recipe:
        made = plain
        for name, value in fields.items():
            section = next(s for s in plain.__slots__ if name in getattr(getattr(plain, s), "__slots__", ()))
            made = replace(made, **{section: replace(getattr(made, section), **{name: value})})
        return made

    return make


@pytest.fixture
def killed_at_step(monkeypatch) -> Callable[[int], AbstractContextManager[None]]:
    """`with killed_at_step(4): train(...)` ends the run within step 4 (from 0), after the forward pass.

    As after SIGKILL, no handler of ours runs.
    """
    from parcnet.training.loop.step import Stepper  # here, because most tests need no training

    class Killed(BaseException):
        pass

    @contextmanager
    def killed(step: int) -> Iterator[None]:
        take_step = Stepper.__call__

        def interrupted(self, batch, number):
            if number == step:
                self.forward(*batch[0], number)
                raise Killed
            return take_step(self, batch, number)

        with monkeypatch.context() as patch:
            patch.setattr(Stepper, "__call__", interrupted)
            with pytest.raises(Killed):
                yield

    return killed
