"""Logging to TensorBoard or Weights & Biases: optional packages, imported when requested."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from parcnet.base import UserError


class Tracker(Protocol):
    """A metrics logger."""

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Logs metrics after step number `step` (from 1)."""

    def close(self) -> None:
        """Ends logging."""


def open_trackers(
    which: Literal["none", "tensorboard", "wandb"], folder: Path, name: str, recipe: Mapping[str, Any], first_step: int
) -> list[Tracker]:
    """The requested trackers, continuing at `first_step`. Raises `UserError` when one is not installed."""
    if which == "tensorboard":
        return [TensorBoard(folder, first_step)]
    if which == "wandb":
        return [WeightsAndBiases(folder, name, recipe, first_step)]
    return []


class TensorBoard:
    """Event files in RUN/tensorboard; `tensorboard --logdir runs` shows them."""

    def __init__(self, folder: Path, first_step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise _missing("tensorboard", error) from None
        # purge_step removes what a killed run wrote after its last state
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=first_step + 1 if first_step else None)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class WeightsAndBiases:
    """A Weights & Biases run. Sends metrics and recipe to wandb's servers, or to those of WANDB_BASE_URL."""

    def __init__(self, folder: Path, name: str, recipe: Mapping[str, Any], first_step: int) -> None:
        try:
            wandb = importlib.import_module("wandb")
        except ImportError as error:
            raise _missing("wandb", error) from None
        identity = folder.resolve().name
        resuming: dict[str, Any] = {"id": identity, "resume": "allow"} if first_step else {"id": identity}
        self._run = wandb.init(project="parcnet", name=name, dir=str(folder), config=dict(recipe), **resuming)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self._run.log(dict(metrics), step=step)

    def close(self) -> None:
        self._run.finish()


def _missing(package: str, error: ImportError) -> UserError:
    return UserError(
        f"--track {package} needs a package that is not installed ({error}): pip install 'parcnet[{package}]'."
    )
