"""`parcnet train`: a recipe, and flags that override it."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from parcnet_cli.common.arguments import parse
from parcnet_cli.common.pictures import check_picture

if TYPE_CHECKING:
    from parcnet.recipes import Recipe

_DESCRIPTION = """\
Trains a network on labelled images and leaves a run folder: recipe, log, best and last checkpoint, pictures.

  parcnet train                                            the embedded digits: about a minute on two CPU cores
  parcnet train --data-dir DIR --epochs 20                 your images: DIR/train/CLASS/*.jpg, DIR/val/CLASS/*.jpg
  parcnet train --data-dir DIR --model parcnetv2_tiny      another network; `parcnet models` lists them
  parcnet train -c imagenet1k_tiny --data-dir DIR          another recipe; `parcnet recipes` lists them
  parcnet train --data-dir DIR --dry-run                   nothing but what would be done, and how long it takes
  parcnet train -c runs/digits-.../recipe.yaml --seed 1    the same run with another seed
  parcnet train --resume runs/digits-...                   goes on where it was stopped or killed, on a CPU bit for bit
  torchrun --nproc-per-node 8 -m parcnet train -c imagenet1k_tiny --data-dir DIR --output RUN --resume auto
                                                           eight GPUs, which share the batch; restarts go on

Every field of a recipe is a flag below. The defaults shown are those of the recipe chosen by -c and changed by --set.
Without -c it is digits; with --data-dir train_folder, and finetune_folder if there is --initial-checkpoint too.
The best epoch is chosen on val/; test/ is looked at once, at the end. Ctrl-C and SIGTERM save the run and end it with
exit code 130 and 143; 2 is a mistake to fix, 1 the death of another process of the run.
"""


def run(arguments: Sequence[str]) -> int:
    """Trains; exit code 0, or 130 after Ctrl-C and 143 after SIGTERM. Raises `UserError`."""
    from parcnet.recipes import Recipe, override, read_recipe  # here, for the library takes seconds to load
    from parcnet.training import Interrupted, RankLost, Silent, train

    @dataclass(frozen=True)
    class Arguments:
        config: Annotated[str, tyro.conf.arg(aliases=["-c"], metavar="NAME|FILE")]
        """Recipe: a packaged name, or a YAML file."""
        set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="KEY=VALUE")]
        """Change a field of the recipe, e.g. --set optimizer.lr=1e-3; may be given again. Its own flag wins over it."""
        resume: Annotated[str | None, tyro.conf.arg(metavar="auto|RUN|STATE")]
        """Go on with a run: a run folder, one of its states, or `auto`: in --output, if anything is there yet."""
        dry_run: bool
        """Only show what would be done: recipe, parameter groups, schedule, steps, and the time by a measured step."""
        schedule_plot: Annotated[Path | None, tyro.conf.arg(metavar="FILE")]
        """With --dry-run: draw the schedule into this file, e.g. schedule.png."""
        recipe: Recipe

    config, settings = _early(arguments)
    recipe = override(read_recipe(config), settings)
    parsed = parse(Arguments, "train", _DESCRIPTION, arguments, Arguments(config, (), None, False, None, recipe))
    if parsed.dry_run or parsed.schedule_plot:
        return _dry_run(parsed.recipe, parsed.dry_run, parsed.schedule_plot, parsed.resume, arguments)
    try:
        train(parsed.recipe, shlex.join(["parcnet", "train", *arguments]), parsed.resume)
    except Interrupted as interruption:
        print(interruption, file=sys.stderr)
        return interruption.code
    except RankLost as lost:
        print(f"parcnet: {lost}", file=sys.stderr)
        return 1
    except Silent as silent:
        return silent.code
    return 0


def _dry_run(recipe: "Recipe", asked: bool, picture: Path | None, resume: str | None, arguments: Sequence[str]) -> int:
    from parcnet.base import UserError
    from parcnet.training.dry_run import dry_run

    if not asked:
        raise UserError("--schedule-plot draws what --dry-run shows: give both, or look at curve.png after the run.")
    if resume is not None:
        raise UserError("--dry-run shows a new run; leave out --resume.")
    check_picture("--schedule-plot", picture)
    dry_run(recipe, shlex.join(["parcnet", "train", *_without_dry_run(arguments)]), picture)
    return 0


def _without_dry_run(arguments: Sequence[str]) -> list[str]:
    plot = "--schedule-plot"
    return [
        argument
        for place, argument in enumerate(arguments)
        if argument not in ("--dry-run", plot)
        and not argument.startswith(f"{plot}=")
        and not (place and arguments[place - 1] == plot)
    ]


def _early(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """(recipe, what --set changes in it): the defaults of all other flags, so needed before they can be parsed."""
    early = argparse.ArgumentParser(prog="parcnet train", add_help=False, allow_abbrev=False)
    early.add_argument("-c", "--config")
    early.add_argument("--set", action="append", default=[])
    early.add_argument("--resume")
    early.add_argument("--data-dir", "--data_dir")
    early.add_argument("--initial-checkpoint", "--initial_checkpoint")
    found, _ = early.parse_known_args(list(arguments))
    if found.config is not None:
        return found.config, found.set
    if found.resume not in (None, "None", "auto"):
        return str(_recipe_of(Path(found.resume))), found.set
    if found.data_dir in (None, "None"):
        return "digits", found.set
    return "train_folder" if found.initial_checkpoint in (None, "None") else "finetune_folder", found.set


def _recipe_of(run: Path) -> Path:
    """Of the run folder, or of the run that a state in RUN/states belongs to."""
    from parcnet.base import UserError

    folder = run.parent.parent if run.is_file() else run
    if not (folder / "recipe.yaml").is_file():
        raise UserError(
            f"--resume {run}: {folder} has no recipe.yaml, so it is no run folder. Expected e.g. runs/NAME-TIME, a "
            "state in its states/, or auto."
        )
    return folder / "recipe.yaml"
