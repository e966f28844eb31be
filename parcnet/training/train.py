"""Recipe -> run folder: the whole of training."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from parcnet.base import UserError, pick_device
from parcnet.data import preserved_randomness
from parcnet.recipes import Recipe
from parcnet.training import messages
from parcnet.training.conclusion import TrainingResult, conclude, result_values
from parcnet.training.distributed.process_group import connected, launched, own_device
from parcnet.training.errors import Diverged, Interrupted
from parcnet.training.loop.epoch import NonFinite
from parcnet.training.loop.fit import Stopped, fit
from parcnet.training.loop.plan import TrainingPlan
from parcnet.training.loop.threads import cpu_threads
from parcnet.training.reported_once import reported_once
from parcnet.training.run.recorder import RunRecorder
from parcnet.training.run.signals import SIGNALS, stop_signals
from parcnet.training.run.start import RunStart, run_start
from parcnet.training.setup.plan import make_plan
from parcnet.training.setup.prepare import RunSetup, prepare
from parcnet.training.setup.recorder import begin, make_recorder
from parcnet.training.setup.stepper import make_stepper


def train(recipe: Recipe, command: str = "", resume: str | None = None) -> TrainingResult:
    """Trains as the recipe says; prints progress and writes the run folder.

    `command` is recorded in result.json. `resume` is None for a new run, `auto` to resume in the recipe's output folder
    if it has a state, or a run folder or state to resume from. Equal recipes give bit-equal losses on a CPU with
    equally many threads, also when a run was killed at any step and resumed. Under torchrun all processes train
    together. The global random generators (CPU) and torch's number of threads stay as they were.

    Raises `UserError` for anything wrong with the recipe or its folders, before any work, and for images that cannot be
    read or files that cannot be written later, naming the last checkpoint; `Diverged`; `RankLost`; `Interrupted` after
    Ctrl-C or SIGTERM; and `AlreadyReported` on ranks whose error another rank has reported.
    """
    started = time.perf_counter()
    with preserved_randomness(), cpu_threads(recipe.run.threads):
        device = own_device(pick_device(recipe.run.device), launched())
        with connected(device) as group, reported_once(group), run_start(recipe, resume, group) as start:
            setup = prepare(recipe, group, device)
            return _train(setup, start, command, started)


def _train(setup: RunSetup, start: RunStart, command: str, started: float) -> TrainingResult:
    main = setup.group.main
    plan = make_plan(setup)
    stepper = make_stepper(setup, plan)
    recorder, changes = make_recorder(setup, plan, stepper, start)
    if main:
        messages.introduce(setup, plan, start, recorder, changes)
    begin(setup, recorder)  # from here on files are written
    with _reported_stops(setup, plan, recorder) as stopping, _naming_the_checkpoint(plan, recorder):
        stepper.stopping = stopping
        fit(setup.task, stepper, plan, recorder, recorder.progress)
    with _naming_the_checkpoint(plan, recorder):
        result = conclude(setup, plan, recorder)
        seconds = time.perf_counter() - started
        if main:
            recorder.folder.finish(result_values(setup, result, command, seconds))
    if main:
        messages.slow_reading(setup, recorder)
        messages.summarise(setup, result, seconds)
    return result


@contextmanager
def _reported_stops(setup: RunSetup, plan: TrainingPlan, recorder: RunRecorder) -> Iterator[Callable[[], int]]:
    """Turns signals and non-finite losses into errors that say what is left and what to do; closes the trackers."""
    with stop_signals() as received:
        try:
            yield received
        except NonFinite as error:
            recorder.flush()  # the steps before it are the most telling
            raise Diverged(messages.diagnosis(setup, plan, recorder, error)) from None
        except (KeyboardInterrupt, Stopped) as error:
            number = signal.SIGINT if isinstance(error, KeyboardInterrupt) else received() or signal.SIGTERM
            why = "interrupted" if number == signal.SIGINT else "asked to stop (SIGTERM)"
            raise Interrupted(messages.how_to_resume(setup, recorder, why), SIGNALS[number]) from None
        finally:
            for tracker in recorder.trackers:
                tracker.close()


@contextmanager
def _naming_the_checkpoint(plan: TrainingPlan, recorder: RunRecorder) -> Iterator[None]:
    """Adds to a `UserError` the last checkpoint, if there is one."""
    try:
        yield
    except UserError as error:
        if not recorder.log:
            raise
        raise UserError(f"{error}\n{messages.kept(plan, recorder)}") from error
