"""The entry point of training: recipe -> run folder."""

import time

from parcnet.base import pick_device
from parcnet.data import preserved_randomness
from parcnet.recipes import Recipe
from parcnet.training.distributed.process_group import connected, launch_environment, rank_device
from parcnet.training.endings import naming_the_checkpoint, reported_once, reported_stop
from parcnet.training.final_evaluation import TrainingResult, evaluate_best
from parcnet.training.loop.fit import fit
from parcnet.training.loop.threads import cpu_threads
from parcnet.training.messages import announce, summarise
from parcnet.training.run.start import run_start
from parcnet.training.setup.prepare import prepare
from parcnet.training.setup.recorder import make_recorder
from parcnet.training.setup.stepper import make_stepper


def train(recipe: Recipe, command: str = "", resume: str | None = None) -> TrainingResult:
    """Trains the recipe's network, prints progress and writes the run folder.

    `command` is recorded in result.json. `resume` is None for a new run, `auto` to resume in the recipe's output folder
    if it has a state, or a run folder or state to resume from. Equal recipes give bit-identical losses on a CPU with
    the same number of threads, even if a run is killed at any step and resumed. Under torchrun all processes train
    together. The global random generators (CPU) and torch's number of threads are restored afterwards.

    Raises `UserError` for errors in the recipe or its folders, before any work; later for unreadable images and failed
    writes, naming the last checkpoint; `Diverged`; `RankLost`; `Interrupted` after Ctrl-C or SIGTERM; and
    `AlreadyReported` on ranks whose error another rank has reported.
    """
    started = time.perf_counter()
    with preserved_randomness(), cpu_threads(recipe.run.threads):
        device = rank_device(pick_device(recipe.run.device), launch_environment())
        with connected(device) as group, reported_once(group), run_start(recipe, resume, group) as start:
            setup = prepare(recipe, group, device)
            stepper = make_stepper(setup)
            recorder, changes = make_recorder(setup, stepper, start)
            if group.main:
                announce(setup, start, recorder, changes)
                recorder.begin(recipe)  # files are written from here on
            with naming_the_checkpoint(setup, recorder):
                with reported_stop(setup, recorder) as stepper.stop_requested:
                    fit(setup.task, stepper, setup.plan, recorder, recorder.progress)
                result = evaluate_best(setup, recorder, command, started)
            if group.main:
                summarise(setup, recorder, result, time.perf_counter() - started)
            return result
