"""`parcnet train`: a recipe, and flags that override it."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro

from parcnet_cli.arguments import parse

_DESCRIPTION = """\
Trains a network on labelled images and leaves a run folder: recipe, log, best and last checkpoint, pictures.

  parcnet train                                            the embedded digits: about a minute on two CPU cores
  parcnet train --data-dir DIR --epochs 20                 your images: DIR/train/CLASS/*.jpg, DIR/val/CLASS/*.jpg
  parcnet train --data-dir DIR --model parcnetv2_tiny      another network; `parcnet models` lists them
  parcnet train -c imagenet1k_tiny --data-dir DIR          another recipe; `parcnet recipes` lists them
  parcnet train -c runs/digits-.../recipe.yaml --seed 1    the same run with another seed

Every field of a recipe is a flag below. The defaults shown are those of the recipe chosen by -c (without it: digits,
or finetune_folder when there is a --data-dir). The best epoch is chosen on val/; test/ is looked at once, at the end.
"""


def run(arguments: Sequence[str]) -> int:
    """Trains; exit code 0, or 130 when interrupted. Raises `UserError`."""
    from parcnet.recipes import Recipe, read_recipe  # here, for the library takes seconds to load
    from parcnet.training import Interrupted, train

    @dataclass(frozen=True)
    class Arguments:
        config: Annotated[str, tyro.conf.arg(aliases=["-c"], metavar="NAME|FILE")]
        """Recipe: a packaged name, or a YAML file."""
        recipe: Recipe

    config = _config(arguments)
    parsed = parse(Arguments, "train", _DESCRIPTION, arguments, Arguments(config, read_recipe(config)))
    try:
        train(parsed.recipe, command=shlex.join(["parcnet", "train", *arguments]))
    except Interrupted as interruption:
        print(interruption, file=sys.stderr)
        return 130
    return 0


def _config(arguments: Sequence[str]) -> str:
    """The recipe whose values are the defaults of all other flags, so it is needed before they can be parsed."""
    early = argparse.ArgumentParser(prog="parcnet train", add_help=False, allow_abbrev=False)
    early.add_argument("-c", "--config")
    early.add_argument("--data-dir", "--data_dir")
    found, _ = early.parse_known_args(list(arguments))
    if found.config is not None:
        return found.config
    return "digits" if found.data_dir in (None, "None") else "finetune_folder"
