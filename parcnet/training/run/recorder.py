"""Records a run: logs, training states, and the best and last checkpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.base.untrusted import parse_json
from parcnet.recipes import Recipe
from parcnet.training.loop.log_lines import EpochLog, StepLog
from parcnet.training.loop.plan import TrainingPlan
from parcnet.training.loop.progress import Progress
from parcnet.training.loop.step import Stepper
from parcnet.training.run.folder import RunFolder
from parcnet.training.run.ownership import LogHashes, file_marks
from parcnet.training.run.state import capture
from parcnet.training.run.state_files import remove_states_after, write_state
from parcnet.training.run.trackers import Tracker, open_trackers


@dataclass
class RunRecorder:
    """The `Observer` of a run. The best epoch has the highest `best_metric` on validation; a lower loss breaks ties.

    Only the main rank writes; the others only track progress.
    """

    folder: RunFolder
    stepper: Stepper
    plan: TrainingPlan
    identity: Mapping[str, Any]
    """JSON values that identify the run in a state."""
    best_metric: str
    progress: Progress = field(default_factory=Progress)
    log_lengths: Mapping[str, int] = field(default_factory=dict)
    """Bytes of each log at the state from which the run resumes."""
    hashes: LogHashes = field(default_factory=LogHashes)
    trackers: Sequence[Tracker] = ()
    log: list[EpochLog] = field(default_factory=list)
    pending: list[StepLog] = field(default_factory=list)

    @property
    def best(self) -> EpochLog | None:
        """The best epoch so far."""
        return None if self.progress.best is None else EpochLog.from_dict(self.progress.best)

    @property
    def steps_taken(self) -> int:
        """Steps taken in the whole run."""
        return self.progress.epoch * self.plan.steps_per_epoch + self.progress.done

    def begin(self, recipe: Recipe) -> None:
        """Removes logs and states newer than the state to resume from, writes the recipe and opens the trackers."""
        self.folder.truncate(self.log_lengths)
        self.folder.begin(recipe)
        remove_states_after(self.folder.path, self.steps_taken)
        self._read_log()
        values = self.plan.metadata.recipe
        self.trackers = open_trackers(recipe.run.track, self.folder.path, recipe.name, values, self.steps_taken)

    def _read_log(self) -> None:
        """Reads the log of the epochs before the state to resume from."""
        if not self.folder.log.exists():
            return
        try:
            lines = self.folder.log.read_text(encoding="utf-8").splitlines()
            self.log.extend(EpochLog.from_dict(parse_json(line)) for line in lines)
        except (OSError, ValueError, TypeError) as error:
            raise UserError(f"{self.folder.log} is damaged ({error}); restore it, or start a new run.") from None

    def step(self, line: StepLog) -> None:
        """Records a step; `log_every` steps are written together."""
        if self.stepper.group.main:
            self.pending.append(line)
            if len(self.pending) >= self.plan.run.log_every:
                self.flush()

    def state(self, progress: Progress) -> None:
        """Writes a training state, from which the run resumes bit-identically."""
        if not self.stepper.group.main:
            return
        self.flush()
        step = progress.epoch * self.plan.steps_per_epoch + progress.done
        lengths = self.folder.lengths()
        marks = file_marks(self.folder, lengths, self.hashes)
        content = capture(self.stepper, progress, {**self.identity, "logs": lengths, "files": marks})
        write_state(self.folder.path, step, content)

    def epoch(self, line: EpochLog) -> None:
        """Writes the log line, the last checkpoint, and the best one if this epoch is the best so far."""
        best = self.best
        metrics = {f"val_{name}": value for name, value in line.val.items() if value is not None}
        better = bool(metrics) and (best is None or self._quality(line) > self._quality(best))
        if self.stepper.group.main:
            self.folder.append(self.folder.log, [line.to_dict()])
            self._save(self.folder.last, line.epoch, metrics)
        self.log.append(line)  # after saving: its length is the epoch of the last checkpoint, even after a full disk
        if better:
            self.progress.best = line.to_dict()
        if self.stepper.group.main:
            if better:
                self._save(self.folder.best, line.epoch, metrics)
            keep_every = self.plan.run.keep_every
            if keep_every is not None and line.epoch % keep_every == 0:
                self._save(self.folder.epoch_checkpoint(line.epoch), line.epoch, metrics)
            figures = {f"epoch/{name}": value for name, value in line.to_dict().items() if value is not None}
            for tracker in self.trackers:
                tracker.log(line.epoch * self.plan.steps_per_epoch, figures)

    def flush(self) -> None:
        """Writes the pending steps."""
        if not self.pending:
            return
        self.folder.append(self.folder.steps, [asdict(line) for line in self.pending])
        for tracker in self.trackers:
            last = asdict(self.pending[-1])
            step = last.pop("step")
            tracker.log(step, {f"step/{name}": float(value) for name, value in last.items() if value is not None})
        self.pending.clear()

    def _save(self, path: Path, epoch: int, metrics: Mapping[str, float]) -> None:
        weights = self.stepper.saved_network.state_dict()
        metadata = replace(self.plan.metadata, epoch=epoch, metrics=dict(metrics))
        checkpoint.save(path, weights, metadata, self.identity["run"])

    def _quality(self, line: EpochLog) -> tuple[float, float]:
        value = line.val[self.best_metric]
        assert value is not None
        return value, -(line.val.get("loss") or 0.0)
