"""`parcnet bench segmentation`: semantic segmentation on real images that need no download."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from parcnet_cli.bench.arguments import Common
from parcnet_cli.bench.command import finish, prepare, result_of
from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Trains UperNet over a small ParCNetV2 from random weights on one half of five photographs of scikit-image (coins, horse,
immunohistochemistry, retina, brick), and tests it on regions held out: mIoU at one scale, and at six with flip.
The labels are made by rules (thresholds, a watershed): pseudo-labels. Data, runs and pictures stay in --folder.

  parcnet bench segmentation                           interpolated kernels: about five minutes on two cores
  parcnet bench segmentation --fits interpolate fixed --seeds 3 --output benchmarks/results
                                                       arXiv v1's Sec. 4.4: are many scales worth less when kernels fit?
"""


@dataclass(frozen=True)
class Segmentation(Common):
    """Which kernels, how often, and where everything stays."""

    fits: tuple[Literal["interpolate", "fixed"], ...] = ("interpolate",)
    """How kernels meet maps of other sizes."""
    seeds: int = 1
    """Runs of each, with seeds 0, 1, 2, ..."""
    recipe: str = "photographs_upernet"
    """A segmentation recipe: a packaged name or a YAML file."""
    folder: Path = Path("runs/photographs")
    """Where data, runs and pictures go."""


def run(arguments: Sequence[str]) -> int:
    """Measures and prints; exit code 0. Raises `UserError`."""
    asked = parse(Segmentation, "bench segmentation", _DESCRIPTION, arguments)
    device, _ = prepare(asked)

    from parcnet.base import UserError, next_steps, progress
    from parcnet_lab.bench import photograph_segmentation

    if asked.seeds < 1 or not asked.fits:
        raise UserError(f"--seeds {asked.seeds} of {len(asked.fits)} --fits: expected at least one of each.")
    with progress("training", asked.seeds * len(asked.fits), "runs") as advance:
        rows = photograph_segmentation.measure(
            asked.fits, range(asked.seeds), asked.recipe, asked.folder, device, asked.threads, advance
        )
    notes = [photograph_segmentation.LABELS, photograph_segmentation.MULTI]
    code = finish(asked, result_of(asked, "segmentation", arguments, device, rows, {"recipe": asked.recipe}, notes))
    if not asked.as_json:
        last = asked.folder / f"{asked.fits[-1]}-seed{asked.seeds - 1}"
        image = asked.folder / "photographs" / "images" / "test" / "coins.png"
        next_steps([(f"parcnet predict {last} {image} --save coins.png", "colours the region held out by class")])
    return code
