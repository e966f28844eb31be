"""Settings and trainings so small that every experiment runs in a second or two."""

from pathlib import Path

import pytest

from parcnet_lab.paper.claims import Settings, input_sizes, position_encoding, runner, small_ablations
from parcnet_lab.paper.claims.crop_training import CropRecipe

TINY = CropRecipe(steps=2, batch=4, size=64, test_crops=1)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Two seeds, two steps a training."""
    monkeypatch.setattr(small_ablations, "QUICK", TINY)
    monkeypatch.setattr(position_encoding, "_QUICK_STEPS", 2)
    machine = {"device": "a CPU", "threads": 1, "cores": 1, "versions": {"torch": "2"}, "date": "2026-01-01"}
    monkeypatch.setattr(runner, "describe", lambda *_, **__: machine)  # measuring it takes seconds each time
    monkeypatch.setattr(input_sizes, "SQUARES", ((64, 64), (48, 48)))
    monkeypatch.setattr(input_sizes, "OBLONGS", ((32, 64),))
    return Settings(seeds=2, quick=True, folder=tmp_path / "claims")
