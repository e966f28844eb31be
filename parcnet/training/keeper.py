"""What is kept of a run while it lasts: the log, the last checkpoint, and the best one by validation."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import nn

from parcnet import checkpoint
from parcnet.checkpoint import Metadata
from parcnet.recipes import Recipe
from parcnet.training.loop import EpochLog
from parcnet.training.run_folder import RunFolder


@dataclass
class Keeper:
    """Called with the figures of each epoch; the best is chosen on validation: top-1, then the lower loss."""

    folder: RunFolder
    network: nn.Module
    """Whose weights are saved."""
    metadata: Metadata
    """Of every checkpoint, but for epoch and metrics."""
    log: list[EpochLog] = field(default_factory=list)
    best: EpochLog | None = None

    def __call__(self, line: EpochLog) -> None:
        """Writes the log line, the last checkpoint, and the best one if this epoch is the best so far."""
        self.folder.append(asdict(line))
        self._save(self.folder.last, line.epoch, {"val_top1": line.val_top1, "val_loss": line.val_loss})
        self.log.append(line)  # not earlier: its length is the epoch of the last checkpoint, also after a full disk
        if self.best is None or (line.val_top1, -line.val_loss) > (self.best.val_top1, -self.best.val_loss):
            self.best = line
            self._save(self.folder.best, line.epoch, {"val_top1": line.val_top1, "val_loss": line.val_loss})

    def interrupted(self) -> None:
        """Saves the network as it is, within an epoch, as the last checkpoint."""
        self._save(self.folder.last, len(self.log), {})

    def _save(self, path: Path, epoch: int, metrics: Mapping[str, float]) -> None:
        checkpoint.save(path, self.network.state_dict(), replace(self.metadata, epoch=epoch, metrics=dict(metrics)))


def travelling(recipe: Recipe) -> dict[str, Any]:
    """The recipe for a checkpoint, which travels to other machines: names instead of this machine's paths."""

    def name(path: str | None) -> str | None:
        return None if path is None else Path(path).resolve().name

    network = replace(recipe.network, initial_checkpoint=name(recipe.network.initial_checkpoint))
    data = replace(recipe.data, data_dir=name(recipe.data.data_dir))
    return asdict(replace(recipe, network=network, data=data, run=replace(recipe.run, output=None)))
