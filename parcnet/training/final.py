"""The end of a run: the best checkpoint meets the test split, once; figures and pictures are written."""

from dataclasses import asdict, dataclass
from typing import Any

from parcnet import checkpoint
from parcnet.base import versions
from parcnet.evaluation import Result, evaluate, torch_predictor
from parcnet.plots import confusion, training_curves
from parcnet.training.job import Job
from parcnet.training.keeper import Keeper
from parcnet.training.loop import EpochLog
from parcnet.training.pictures import draw_predictions
from parcnet.training.run_folder import RunFolder
from parcnet.training.splits import evaluation_batches
from parcnet.training.step import autocast_dtype


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    folder: RunFolder
    best: EpochLog
    """The epoch that validation chose."""
    val: Result
    """Of that epoch's checkpoint."""
    test: Result | None
    """Of the same checkpoint; None when the data has no test split."""


def conclude(job: Job, keeper: Keeper) -> Outcome:
    """Evaluates the best checkpoint as it lies on the disk and draws the run's pictures.

    The network holds the best weights afterwards.
    """
    assert keeper.best is not None, "there is no epoch to conclude"
    network, preprocessing = job.built.network, job.built.preprocessing
    network.load_state_dict(checkpoint.read(job.folder.best).weights)
    shown = job.splits.val if job.splits.test is None else job.splits.test
    with torch_predictor(network, job.device, autocast_dtype(job.recipe.run.amp)) as predictor:
        val, test = (
            None
            if images is None
            else evaluate(predictor, evaluation_batches(job.recipe, images, preprocessing), len(job.classes))
            for images in (job.splits.val, job.splits.test)
        )
        draw_predictions(predictor, preprocessing, shown, job.classes, job.folder.predictions)
    assert val is not None
    training_curves([asdict(line) for line in keeper.log], job.folder.curve)
    confusion((test or val).confusion, job.classes, job.folder.confusion)
    return Outcome(job.folder, keeper.best, val, test)


def result(job: Job, outcome: Outcome, command: str, seconds: float) -> dict[str, Any]:
    """The content of result.json."""
    return {
        "recipe": job.recipe.name,
        "model": job.recipe.network.model,
        "parameters": job.parameters,
        "data": job.splits.train.name,
        "images": job.splits.sizes,
        "classes": len(job.classes),
        "best_epoch": outcome.best.epoch,
        "val": outcome.val.metrics(),
        "test": None if outcome.test is None else outcome.test.metrics(),
        "seconds": round(seconds, 1),
        "machine": job.machine(),
        "command": command,
        "versions": versions(),
    }
