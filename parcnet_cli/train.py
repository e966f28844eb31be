"""`parcnet train`: a recipe, and flags that override it."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from parcnet_cli.common.arguments import parse, parse_known
from parcnet_cli.common.pictures import check_picture

if TYPE_CHECKING:
    from parcnet.recipes import Recipe

_DESCRIPTION = """\
Trains a network on labelled images and writes a run folder: recipe, logs, best and last checkpoint, pictures.

  parcnet train                                            the embedded digits: about a minute on two CPU cores
  parcnet train --data-dir DIR --epochs 20                 your images: DIR/train/CLASS/*.jpg, DIR/val/CLASS/*.jpg
  parcnet train --data-dir DIR --model parcnetv2_tiny      another network; `parcnet models` lists them
  parcnet train -c imagenet1k_tiny --data-dir DIR          another recipe; `parcnet recipes` lists them
  parcnet train --data-dir DIR --dry-run                   prints the plan and the expected time, then stops
  parcnet train -c runs/digits-.../recipe.yaml --seed 1    the same run with another seed
  parcnet train --resume runs/digits-...                   resumes a stopped or killed run, bit-identically on a CPU
  torchrun --nproc-per-node 8 -m parcnet train -c imagenet1k_tiny --data-dir DIR --output RUN --resume auto
                                                           eight GPUs share the batch; restarts resume

Every field of the recipe, including the section of its task, is a flag below. The defaults shown are those of the
recipe selected by -c and changed by --set. Without -c it is digits; with --data-dir train_folder, and finetune_folder
with --initial-checkpoint too. The best epoch is selected on val/; test/ is evaluated once, at the end. Ctrl-C and
SIGTERM save the run and end it with exit code 130 and 143; 2 is a user error, 1 the death of another process of the
run.
"""


@dataclass(frozen=True)
class RecipeChoice:
    """The flags that select the recipe, and so the defaults of all other flags."""

    config: Annotated[str | None, tyro.conf.arg(aliases=["-c"], metavar="NAME|FILE")] = None
    """Recipe: the name of a packaged one, or a YAML file."""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """Override a field of the recipe, e.g. --set optimizer.lr=1e-3; may be repeated. The field's own flag takes
    precedence."""
    resume: Annotated[str | None, tyro.conf.arg(metavar="auto|RUN|STATE")] = None
    """Resume a run: a run folder, one of its states, or `auto` to resume in --output if it has a state."""


@dataclass(frozen=True)
class _RecipeHints(RecipeChoice):
    """Fields of the recipe that also decide which one is selected."""

    task: str | None = None
    data_dir: str | None = None
    initial_checkpoint: str | None = None


def run(arguments: Sequence[str]) -> int:
    """Trains; exit code 0, or 130 after Ctrl-C and 143 after SIGTERM. Raises `UserError`."""
    from parcnet.recipes import Recipe, override, read_recipe  # here, because the library takes seconds to load
    from parcnet.training import AlreadyReported, Interrupted, RankLost, train

    hints = parse_known(_RecipeHints, arguments)
    config = _config(hints)
    task = () if hints.task is None else (f"task={hints.task}",)
    selected = override(read_recipe(config), (*hints.set, *task))

    @dataclass(frozen=True)
    class TrainingOptions(RecipeChoice):
        dry_run: bool = False
        """Only print the plan: recipe, parameter groups, schedule, steps, and the time expected from measured steps."""
        schedule_plot: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
        """With --dry-run: plot the schedule into this file, e.g. schedule.png."""
        recipe: Recipe[_settings_type(selected)] = selected  # type: ignore[valid-type]
        """The fields of the recipe, with those of its task."""

    options = parse(TrainingOptions, "train", _DESCRIPTION, arguments, TrainingOptions(config))
    if options.dry_run or options.schedule_plot:
        return _dry_run(options.recipe, options.dry_run, options.schedule_plot, options.resume, arguments)
    try:
        train(options.recipe, shlex.join(["parcnet", "train", *arguments]), options.resume)
    except Interrupted as interruption:
        print(interruption, file=sys.stderr)
        return interruption.code
    except RankLost as lost:
        print(f"parcnet: {lost}", file=sys.stderr)
        return 1
    except AlreadyReported as reported:
        return reported.code
    return 0


def _settings_type(recipe: "Recipe") -> object:
    """The type of the task's own fields; a task without any has no flag for them."""
    return Annotated[None, tyro.conf.Suppress] if recipe.settings is None else type(recipe.settings)


def _dry_run(
    recipe: "Recipe", enabled: bool, picture: Path | None, resume: str | None, arguments: Sequence[str]
) -> int:
    from parcnet.base import UserError
    from parcnet.training.dry_run import dry_run

    if not enabled:
        raise UserError("--schedule-plot needs --dry-run: give both, or see curve.png after the run.")
    if resume is not None:
        raise UserError("--dry-run describes a new run: leave --resume out.")
    check_picture("--schedule-plot", picture)
    dry_run(recipe, shlex.join(["parcnet", "train", *_without_dry_run(arguments)]), picture)
    return 0


def _without_dry_run(arguments: Sequence[str]) -> list[str]:
    plot = "--schedule-plot"
    return [
        argument
        for index, argument in enumerate(arguments)
        if argument not in ("--dry-run", plot)
        and not argument.startswith(f"{plot}=")
        and not (index and arguments[index - 1] == plot)
    ]


def _config(hints: _RecipeHints) -> str:
    """Name or path of the recipe that the flags select."""
    if hints.config is not None:
        return hints.config
    if hints.resume not in (None, "auto"):
        return str(_recipe_of(Path(hints.resume)))
    if hints.data_dir is None:
        return "digits"
    return "train_folder" if hints.initial_checkpoint is None else "finetune_folder"


def _recipe_of(run: Path) -> Path:
    """The recipe of a run folder, or of the run that a state in RUN/states belongs to."""
    from parcnet.base import UserError

    folder = run.parent.parent if run.is_file() else run
    if not (folder / "recipe.yaml").is_file():
        raise UserError(
            f"--resume {run}: {folder} has no recipe.yaml, so it is not a run folder. Expected e.g. runs/NAME-TIME, a "
            "state in its states/, or auto."
        )
    return folder / "recipe.yaml"
