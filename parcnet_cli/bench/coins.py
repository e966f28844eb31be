"""`parcnet bench coins`: detection and instance segmentation on real images that need no download."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from parcnet_cli.bench.arguments import Common
from parcnet_cli.bench.command import finish, prepare, result_of
from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Trains Mask R-CNN over a small ParCNetV2 from random weights on three of the four rows of coins in a photograph of
scikit-image, and tests it on the row held out: COCO's AP of boxes and masks. The labels are made by a program
(watershed and connected parts), so they are pseudo-labels. Data, run and pictures stay in --folder.

  parcnet bench coins                                  the first row held out: about five minutes on two cores
  parcnet bench coins --folds 4 --output benchmarks/results
"""


@dataclass(frozen=True)
class Coins(Common):
    """How many folds, and where they stay."""

    folds: int = 1
    """Rows to hold out, one after the other: 1 to 4."""
    first: int = 0
    """The first row to hold out, from 0."""
    recipe: str = "coins_mask_rcnn"
    """A detection recipe: a packaged name or a YAML file."""
    folder: Path = Path("runs/coins")
    """Where data, runs and pictures go."""


def run(arguments: Sequence[str]) -> int:
    """Measures and prints; exit code 0. Raises `UserError`."""
    asked = parse(Coins, "bench coins", _DESCRIPTION, arguments)
    device, _ = prepare(asked)

    from parcnet.base import UserError, next_steps, progress
    from parcnet_lab.bench import coin_folds
    from parcnet_lab.datasets import coins

    if not (asked.folds >= 1 and asked.first >= 0 and asked.first + asked.folds <= coins.FOLDS):
        raise UserError(
            f"--folds {asked.folds} from --first {asked.first}: expected some of the rows 0 to {coins.FOLDS - 1}."
        )
    numbers = range(asked.first, asked.first + asked.folds)
    with progress("training", asked.folds, "folds") as advance:
        rows = coin_folds.measure(numbers, asked.recipe, asked.folder, device, asked.threads, advance)
    last = asked.folder / f"fold{numbers[-1]}"
    code = finish(asked, result_of(asked, "coins", arguments, device, rows, {"recipe": asked.recipe}, [coins.LABELS]))
    if not asked.as_json:
        image = last / "coins" / "test" / f"row{numbers[-1]}.png"
        next_steps([(f"parcnet predict {last / 'run'} {image} --save coins.png", "draws the row held out")])
    return code
