"""What is kept of a run while it lasts: the logs, training states, the last checkpoint, and the best one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.data import data_name
from parcnet.recipes import Recipe
from parcnet.training.loop.log_lines import EpochLog, StepLog
from parcnet.training.loop.progress import Position
from parcnet.training.run.folder import RunFolder
from parcnet.training.run.state import capture
from parcnet.training.run.state_files import take_back, write_state
from parcnet.training.loop.step import Stepper
from parcnet.training.run.trackers import Tracker


@dataclass
class Keeper:
    """Told of each step and epoch; the best epoch is chosen on validation: the highest figure, then the lower loss.

    Only the main rank writes; the others keep the position alone.
    """

    folder: RunFolder
    stepper: Stepper
    metadata: Metadata
    """Of every checkpoint, but for epoch and metrics."""
    about: Mapping[str, Any]
    """What a state says about the run, as JSON values."""
    chosen: str = "top1"
    """The figure that chooses."""
    position: Position = field(default_factory=Position)
    steps_per_epoch: int = 1
    log_every: int = 1
    keep_every: int | None = None
    earlier: Mapping[str, int] = field(default_factory=dict)
    """Bytes in each log when the state was saved that the run goes on from."""
    trackers: Sequence[Tracker] = ()
    log: list[EpochLog] = field(default_factory=list)
    pending: list[StepLog] = field(default_factory=list)

    @property
    def best(self) -> EpochLog | None:
        """The best epoch so far."""
        return None if self.position.best is None else EpochLog.from_dict(self.position.best)

    def step(self, line: StepLog) -> None:
        """Notes a step; it is written with its neighbours."""
        if self.stepper.ranks.main:
            self.pending.append(line)
            if len(self.pending) >= self.log_every:
                self.flush()

    def state(self, position: Position) -> None:
        """Writes a training state, from which the run can go on bit for bit."""
        if not self.stepper.ranks.main:
            return
        self.flush()
        step = position.epoch * self.steps_per_epoch + position.done
        content = capture(self.stepper, position, {**self.about, "logs": self.folder.lengths()})
        write_state(self.folder.path, step, content)

    def epoch(self, line: EpochLog) -> None:
        """Writes the log line, the last checkpoint, and the best one if this epoch is the best so far."""
        best = self.best
        metrics = {f"val_{name}": value for name, value in line.val.items() if value is not None}
        better = bool(metrics) and (best is None or self._merit(line) > self._merit(best))
        if self.stepper.ranks.main:
            self.folder.append(self.folder.log, [line.to_dict()])
            self._save(self.folder.last, line.epoch, metrics)
        self.log.append(line)  # not earlier: its length is the epoch of the last checkpoint, also after a full disk
        if better:
            self.position.best = line.to_dict()
        if self.stepper.ranks.main:
            if better:
                self._save(self.folder.best, line.epoch, metrics)
            if self.keep_every is not None and line.epoch % self.keep_every == 0:
                self._save(self.folder.kept(line.epoch), line.epoch, metrics)
            figures = {f"epoch/{name}": value for name, value in line.to_dict().items() if value is not None}
            for tracker in self.trackers:
                tracker.log(line.epoch * self.steps_per_epoch, figures)

    def go_on(self) -> None:
        """Takes back logs and states after the state that the run goes on from, and reads the epochs before it."""
        self.folder.cut(self.earlier)
        take_back(self.folder.path, self.position.epoch * self.steps_per_epoch + self.position.done)
        if not self.folder.log.exists():
            return
        try:
            lines = self.folder.log.read_text(encoding="utf-8").splitlines()
            self.log.extend(EpochLog.from_dict(json.loads(line)) for line in lines)
        except (OSError, ValueError, TypeError) as error:
            raise UserError(f"{self.folder.log} is damaged ({error}); restore it, or begin a new run.") from None

    def flush(self) -> None:
        """Writes the steps that wait for their neighbours."""
        if not self.pending:
            return
        self.folder.append(self.folder.steps, [asdict(line) for line in self.pending])
        for tracker in self.trackers:
            last = asdict(self.pending[-1])
            step = last.pop("step")
            tracker.log(step, {f"step/{name}": float(value) for name, value in last.items() if value is not None})
        self.pending.clear()

    def _save(self, path: Path, epoch: int, metrics: Mapping[str, float]) -> None:
        weights = self.stepper.kept.state_dict()
        checkpoint.save(path, weights, replace(self.metadata, epoch=epoch, metrics=dict(metrics)))

    def _merit(self, line: EpochLog) -> tuple[float, float]:
        chosen = line.val[self.chosen]
        assert chosen is not None
        return chosen, -(line.val.get("loss") or 0.0)


def travelling(recipe: Recipe) -> dict[str, Any]:
    """The recipe for a checkpoint, which travels to other machines: names instead of this machine's paths."""
    start, folder = recipe.network.initial_checkpoint, recipe.data.data_dir
    network = replace(recipe.network, initial_checkpoint=None if start is None else Path(start).resolve().name)
    data = replace(recipe.data, data_dir=None if folder is None else data_name(folder))
    return asdict(replace(recipe, network=network, data=data, run=replace(recipe.run, output=None)))
