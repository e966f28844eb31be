"""Recipe -> run folder: the whole of training."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch

from parcnet.base import UserError, pick_device
from parcnet.data import preserved_randomness
from parcnet.recipes import Recipe
from parcnet.training import messages as report
from parcnet.training.setup.assembly import begin, make_keeper, make_stepper
from parcnet.training.loop.epoch import NonFinite
from parcnet.training.conclusion import Outcome, conclude, result
from parcnet.training.distributed.heartbeat import LOST, missing
from parcnet.training.setup.prepare import Job, prepare
from parcnet.training.run.recorder import Keeper
from parcnet.training.loop.fit import Stopped, fit
from parcnet.training.setup.plan import Plan, make_plan
from parcnet.training.distributed.process_group import Ranks, asked, joined, own_device
from parcnet.training.loop.step import Stepper
from parcnet.training.run.signals import SIGNALS, stop_signals
from parcnet.training.loop.threads import cpu_threads


class Diverged(UserError):
    """A loss became infinite or no number. Checkpoints of the epochs before are on the disk."""


class Interrupted(Exception):
    """A signal stopped training, after its state was saved; the message says how to go on."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
        """For the shell: 130 after Ctrl-C, 143 after SIGTERM."""


class RankLost(UserError):
    """Another process of the run died, so this one cannot go on."""


class Silent(Exception):
    """What this rank would say was said by another one."""

    def __init__(self, code: int) -> None:
        super().__init__(f"ends with code {code}, as another rank said why")
        self.code = code


def train(recipe: Recipe, command: str = "", resume: str | None = None) -> Outcome:
    """Trains as the recipe says, and reports to the console and into the run folder.

    `command` is recorded in result.json. `resume` is None for a new run, `auto` to go on in the recipe's output folder
    if there is a state, or a run folder or state to go on from. Equal recipes give bit-equal losses on a CPU with
    equally many threads, also when a run was killed at any step and went on. Under torchrun all processes train
    together. The global random generators (CPU) and torch's number of threads stay as they were.

    Raises `UserError` for anything wrong with the recipe or its folders, before any work, and for images that cannot be
    read or written later, naming the last checkpoint; `Diverged`; `RankLost`; `Interrupted` after Ctrl-C or SIGTERM;
    and `Silent` on ranks that have nothing to add.
    """
    started = time.perf_counter()
    with preserved_randomness(), cpu_threads(recipe.run.threads):
        device = own_device(pick_device(recipe.run.device), asked())
        with joined(device) as ranks, _said_once(ranks):
            job = prepare(recipe, resume, ranks, device)
            plan = make_plan(job)
            outcome = _run(job, plan, command, started)
    return outcome


def _run(job: Job, plan: Plan, command: str, started: float) -> Outcome:
    stepper = make_stepper(job, plan)
    keeper, changed = make_keeper(job, plan, stepper)
    main = job.ranks.main
    if main:
        report.introduce(job, plan, keeper.position, changed)
    with job.folder.owned() if main else nullcontext():  # from here on something is written
        begin(job, keeper)
        return _carry_out(job, plan, stepper, keeper, command, started)


def _carry_out(job: Job, plan: Plan, stepper: Stepper, keeper: Keeper, command: str, started: float) -> Outcome:
    main = job.ranks.main
    with stop_signals() as came:
        stepper.stopping = came
        try:
            with _naming_what_is_kept(job, plan, keeper):
                fit(job.task, stepper, plan, keeper, keeper.position)
        except NonFinite as error:
            keeper.flush()  # the steps before it tell most
            raise Diverged(report.diagnosis(job, plan, error, len(keeper.log))) from None
        except (KeyboardInterrupt, Stopped) as error:
            number = signal.SIGINT if isinstance(error, KeyboardInterrupt) else came() or signal.SIGTERM
            why = "interrupted" if number == signal.SIGINT else "asked to stop (SIGTERM)"
            raise Interrupted(report.way_on(job, len(keeper.log), why), SIGNALS[number]) from None
        finally:
            for tracker in keeper.trackers:
                tracker.close()
    with _naming_what_is_kept(job, plan, keeper):
        outcome = conclude(job, plan, keeper)
        if main:
            job.folder.finish(result(job, outcome, command, time.perf_counter() - started))
    if main:
        report.slow_reading(job, keeper)
        report.summarise(job, outcome, time.perf_counter() - started)
    return outcome


@contextmanager
def _said_once(ranks: Ranks) -> Iterator[None]:
    """Turns the failure of a collective operation into a sentence, and what another rank has said into silence."""
    try:
        yield
    except (UserError, Interrupted) as error:
        if ranks.world > 1 and not ranks.speaks_first():
            raise Silent(error.code if isinstance(error, Interrupted) else 2) from None
        raise
    except RuntimeError as error:
        if ranks.world == 1 or not _connection(error):
            raise
        if not ranks.speaks_first():
            raise Silent(LOST) from None
        assert ranks.store is not None
        raise RankLost(
            f"{missing(ranks.store, ranks.world)}, so this one (rank {ranks.rank}, process {os.getpid()}) ends too. "
            f"Start again with the same command and --resume auto. (torch: {str(error).splitlines()[0][:200]})"
        ) from None


def _connection(error: RuntimeError) -> bool:
    """Whether a collective operation failed because of another process."""
    said = str(error).lower()
    return isinstance(error, torch.distributed.DistError) or any(
        word in said for word in ("connection", "gloo", "nccl", "timed out", "socket")
    )


@contextmanager
def _naming_what_is_kept(job: Job, plan: Plan, keeper: Keeper) -> Iterator[None]:
    """Adds to a `UserError` which checkpoint the work before it has left, if any."""
    try:
        yield
    except UserError as error:
        if not keeper.log:
            raise
        raise UserError(f"{error}\n{report.kept(job, plan, len(keeper.log))}") from error
