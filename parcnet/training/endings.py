"""Exceptions that end a run, their messages, and which of several processes reports them."""

import os
import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from parcnet.base import UserError, counted
from parcnet.training.distributed.heartbeat import LOST_EXIT_CODE, describe_lost_rank
from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.loop.nonfinite import NonFinite
from parcnet.training.loop.validation import Stopped
from parcnet.training.run.recorder import RunRecorder
from parcnet.training.run.signals import SIGNALS, stop_signals
from parcnet.training.run.state_files import states
from parcnet.training.setup.prepare import RunSetup

_CONNECTION_WORDS = ("connection", "gloo", "nccl", "timed out", "socket")


class Diverged(UserError):
    """Loss or gradient is NaN or infinite. Checkpoints of earlier epochs are kept."""


class Interrupted(Exception):
    """A signal stopped training after its state was saved; the message tells how to resume."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
        """Exit code: 130 after Ctrl-C, 143 after SIGTERM."""


class RankLost(UserError):
    """Another process of the run died, so this one cannot continue."""


class AlreadyReported(Exception):
    """Another rank has already reported this error."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exits with code {code}; another rank has reported the reason")
        self.code = code


@contextmanager
def reported_once(group: ProcessGroup) -> Iterator[None]:
    """Turns failed collective operations into `RankLost`, and errors that another rank has reported into
    `AlreadyReported`."""
    try:
        yield
    except (UserError, Interrupted) as error:
        if group.world > 1 and not group.reports_first():
            raise AlreadyReported(error.code if isinstance(error, Interrupted) else 2) from None
        raise
    except RuntimeError as error:
        if group.world == 1 or not _lost_connection(error):
            raise
        if not group.reports_first():
            raise AlreadyReported(LOST_EXIT_CODE) from None
        assert group.store is not None
        raise RankLost(
            f"{describe_lost_rank(group.store, group.world)}, so rank {group.rank} (process {os.getpid()}) ends too. "
            f"Start again with the same command and --resume auto. (torch: {str(error).splitlines()[0][:200]})"
        ) from None


@contextmanager
def naming_the_checkpoint(setup: RunSetup, recorder: RunRecorder) -> Iterator[None]:
    """Adds the last checkpoint, if there is one, to a `UserError`."""
    try:
        yield
    except UserError as error:
        if not recorder.log or isinstance(error, Diverged):
            raise
        raise UserError(f"{error}\n{_last_checkpoint(setup, recorder)}") from error


@contextmanager
def reported_stop(setup: RunSetup, recorder: RunRecorder) -> Iterator[Callable[[], int]]:
    """Turns signals and non-finite losses into errors with remedies, and closes the trackers.

    Yields a function that returns the received signal, or 0.
    """
    with stop_signals() as received:
        try:
            yield received
        except NonFinite as error:
            recorder.flush()  # the steps before it help to find the cause
            raise Diverged(_diagnosis(setup, recorder, error)) from None
        except (KeyboardInterrupt, Stopped) as error:
            number = signal.SIGINT if isinstance(error, KeyboardInterrupt) else received() or signal.SIGTERM
            reason = "interrupted" if number == signal.SIGINT else "terminated (SIGTERM)"
            raise Interrupted(_how_to_resume(setup, recorder, reason), SIGNALS[number]) from None
        finally:
            for tracker in recorder.trackers:
                tracker.close()


def data_flag(setup: RunSetup) -> str:
    """` --data-dir DIR` for commands on the run's data; empty for embedded data."""
    folder = setup.recipe.data.data_dir
    return "" if folder is None else f" --data-dir {shlex.quote(folder)}"


def _last_checkpoint(setup: RunSetup, recorder: RunRecorder) -> str:
    epochs = len(recorder.log)
    if not epochs:
        return "No epoch was finished, so there is no checkpoint."
    return f"The last good checkpoint is {recorder.folder.last}, after epoch {epochs} of {setup.plan.epochs}."


def _diagnosis(setup: RunSetup, recorder: RunRecorder, error: NonFinite) -> str:
    """Why a run stopped at a non-finite loss or gradient, its last checkpoint, and possible remedies."""
    optimizer, run, folder = setup.recipe.optimizer, setup.recipe.run, recorder.folder
    epoch = len(recorder.log) + 1
    where = f"after epoch {epoch}, on validation" if error.step is None else f"at step {error.step} (epoch {epoch})"
    log = f"; the logs are {folder.log} and {folder.steps}" if folder.steps.exists() else ""
    amp = "" if run.amp == "none" else f"\n  precision: --amp none (now {run.amp}), to rule it out"
    clip = "" if optimizer.clip_grad else "\n  gradients: --clip-grad 1"
    origin = f"\n{error.origin}" if error.origin else ""
    return (
        f"the {error.what} is {error.value} {where}; training stopped. {_last_checkpoint(setup, recorder)}{origin}\n"
        "Where to look:\n"
        f"  learning rate: a smaller --lr (now {optimizer.lr:g}) or more --warmup-epochs "
        f"(now {setup.recipe.schedule.warmup_epochs:g}){clip}{amp}\n"
        f"  data: images of one flat colour, wrong labels{log}"
    )


def _how_to_resume(setup: RunSetup, recorder: RunRecorder, reason: str) -> str:
    """How to resume or evaluate a run that a signal stopped."""
    folder, epochs, world = recorder.folder, counted(len(recorder.log), "whole epoch"), setup.group.world
    saved = states(folder.path)
    if not saved:
        return f"{reason} after {epochs}; nothing was saved yet."
    # on several machines, torchrun needs its original arguments
    command = "parcnet" if world == 1 else f"torchrun --nproc-per-node {world} -m parcnet"
    lines = [
        f"{reason} after {epochs}; the state is saved in {saved[0]}.",
        "Resume, bit-identical to an uninterrupted run:",
        f"  {command} train --resume {_quoted(folder.path)}",
    ]
    if folder.last.exists():
        lines += ["Evaluate the last whole epoch:", f"  parcnet eval {_quoted(folder.last)}{data_flag(setup)}"]
    return "\n".join(lines)


def _lost_connection(error: RuntimeError) -> bool:
    """Whether a collective operation failed because another process is gone."""
    message = str(error).lower()
    return isinstance(error, torch.distributed.DistError) or any(word in message for word in _CONNECTION_WORDS)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
