"""Fixtures of short runs, without pictures, whose drawing takes longer than training."""

from pathlib import Path

import pytest

from parcnet.tasks.classification.task import ClassificationTask
from parcnet.training import final_evaluation, train


@pytest.fixture(autouse=True)
def _without_pictures(monkeypatch):
    monkeypatch.setattr(final_evaluation, "_draw_curves", lambda *_: Path("curve.png"))
    monkeypatch.setattr(ClassificationTask, "draw_run", lambda *_: [])


@pytest.fixture
def run(recipe, tmp_path) -> Path:
    """A finished run with a state after each of its six steps, the last two kept."""
    train(recipe(save_every=1))
    return tmp_path / "run"
