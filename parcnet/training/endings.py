"""How a run ends other than with a result, what it says then, and who of several processes says it."""

import os
import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from parcnet.base import UserError, counted
from parcnet.training.distributed.heartbeat import LOST, missing
from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.loop.nonfinite import NonFinite
from parcnet.training.loop.validation import Stopped
from parcnet.training.run.recorder import RunRecorder
from parcnet.training.run.signals import SIGNALS, stop_signals
from parcnet.training.run.state_files import states
from parcnet.training.setup.prepare import RunSetup

_CONNECTION_WORDS = ("connection", "gloo", "nccl", "timed out", "socket")


class Diverged(UserError):
    """Loss or gradient became NaN or infinite. Checkpoints of earlier epochs are on the disk."""


class Interrupted(Exception):
    """A signal stopped training, after its state was saved; the message says how to resume."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
        """Exit code: 130 after Ctrl-C, 143 after SIGTERM."""


class RankLost(UserError):
    """Another process of the run died, so this one cannot continue."""


class AlreadyReported(Exception):
    """Another rank has already reported this error."""

    def __init__(self, code: int) -> None:
        super().__init__(f"ends with code {code}; another rank has reported the reason")
        self.code = code


@contextmanager
def reported_once(group: ProcessGroup) -> Iterator[None]:
    """Raises `RankLost` for a failed collective operation, and `AlreadyReported` where another rank has reported."""
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
            raise AlreadyReported(LOST) from None
        assert group.store is not None
        raise RankLost(
            f"{missing(group.store, group.world)}, so this one (rank {group.rank}, process {os.getpid()}) ends too. "
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
        raise UserError(f"{error}\n{_kept(setup, recorder)}") from error


@contextmanager
def reported_stop(setup: RunSetup, recorder: RunRecorder) -> Iterator[Callable[[], int]]:
    """Turns signals and non-finite losses into errors that say what is left and what to do; closes the trackers.

    Yields the function by which the loop asks for the signal that has arrived, 0 for none.
    """
    with stop_signals() as received:
        try:
            yield received
        except NonFinite as error:
            recorder.flush()  # the steps before it are the most telling
            raise Diverged(_diagnosis(setup, recorder, error)) from None
        except (KeyboardInterrupt, Stopped) as error:
            number = signal.SIGINT if isinstance(error, KeyboardInterrupt) else received() or signal.SIGTERM
            why = "interrupted" if number == signal.SIGINT else "asked to stop (SIGTERM)"
            raise Interrupted(_how_to_resume(setup, recorder, why), SIGNALS[number]) from None
        finally:
            for tracker in recorder.trackers:
                tracker.close()


def data_flag(setup: RunSetup) -> str:
    """` --data-dir DIR` for commands on the run's data, empty for embedded data."""
    folder = setup.recipe.data.data_dir
    return "" if folder is None else f" --data-dir {shlex.quote(folder)}"


def _kept(setup: RunSetup, recorder: RunRecorder) -> str:
    whole_epochs = len(recorder.log)
    if not whole_epochs:
        return "No epoch was finished, so there is no checkpoint."
    return f"The last good checkpoint is {recorder.folder.last}, after epoch {whole_epochs} of {setup.plan.epochs}."


def _diagnosis(setup: RunSetup, recorder: RunRecorder, error: NonFinite) -> str:
    """Why a run stopped at a loss or gradient that is not finite, what is left of it, and where to look."""
    optimizer, run, folder = setup.recipe.optimizer, setup.recipe.run, recorder.folder
    epoch = len(recorder.log) + 1
    where = f"after epoch {epoch}, on validation" if error.step is None else f"at step {error.step} (epoch {epoch})"
    log = f"; the logs are {folder.log} and {folder.steps}" if folder.steps.exists() else ""
    amp = "" if run.amp == "none" else f"\n  precision: --amp none (is {run.amp}), to rule it out"
    clip = "" if optimizer.clip_grad else "\n  gradients: --clip-grad 1"
    origin = f"\n{error.origin}" if error.origin else ""
    return (
        f"the {error.what} is {error.value} {where}; training stopped. {_kept(setup, recorder)}{origin}\n"
        "Where to look:\n"
        f"  learning rate: a smaller --lr (is {optimizer.lr:g}) or more --warmup-epochs "
        f"(are {setup.recipe.schedule.warmup_epochs:g}){clip}{amp}\n"
        f"  data: images of one flat colour, wrong labels{log}"
    )


def _how_to_resume(setup: RunSetup, recorder: RunRecorder, why: str) -> str:
    """What can be done with what a run saved before a signal stopped it."""
    folder, whole, world = recorder.folder, counted(len(recorder.log), "whole epoch"), setup.group.world
    found = states(folder.path)
    if not found:
        return f"{why} after {whole}; nothing was saved yet."
    # several machines need what they were started with
    command = "parcnet" if world == 1 else f"torchrun --nproc-per-node {world} -m parcnet"
    lines = [
        f"{why} after {whole}; everything is in {found[0]}.",
        "Resume, bit-identical to an uninterrupted run:",
        f"  {command} train --resume {_quoted(folder.path)}",
    ]
    if folder.last.exists():
        lines += ["Evaluate its last whole epoch:", f"  parcnet eval {_quoted(folder.last)}{data_flag(setup)}"]
    return "\n".join(lines)


def _lost_connection(error: RuntimeError) -> bool:
    """Whether a collective operation failed because of another process."""
    message = str(error).lower()
    return isinstance(error, torch.distributed.DistError) or any(word in message for word in _CONNECTION_WORDS)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
