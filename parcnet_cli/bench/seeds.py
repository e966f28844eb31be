"""`parcnet bench seeds`: accuracy of a recipe over several seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

from parcnet_cli.bench.measurement import MeasurementOptions, make_result, prepare, report_result
from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Trains a recipe once per seed, as `parcnet train` would, and shows test top-1 and wall time of every run with mean and
standard deviation. A single run may be luck.

  parcnet bench seeds                                  the digits, seeds 0 to 4: about five minutes on two cores
  parcnet bench seeds --seeds 3 --peers convnext resnet      compared with timm's networks of equal parameter count
  parcnet bench seeds --recipe train_folder --data-dir DIR --seeds 3
"""


@dataclass(frozen=True)
class BenchSeedsOptions(MeasurementOptions):
    """Which recipe, and how many runs."""

    recipe: str = "digits"
    """A packaged name or a YAML file, as for `parcnet train -c`."""
    data_dir: str | None = None
    """As for `parcnet train --data-dir`. None: as in the recipe."""
    seeds: int = 5
    """Number of runs, with seeds 0, 1, 2, ..."""
    peers: tuple[str, ...] = ()
    """Networks trained by the same recipe, alternating with ours: `convnext` and `resnet` are timm's with as many
    parameters as parcnetv2_digits; any other name is a timm network."""


def run(arguments: Sequence[str]) -> int:
    """Trains and prints; exit code 0. Raises `UserError`."""
    options = parse(BenchSeedsOptions, "bench seeds", _DESCRIPTION, arguments)
    device, _ = prepare(options)

    from parcnet.base import progress
    from parcnet.recipes import read_recipe
    from parcnet_lab.bench import seed_runs

    own = read_recipe(options.recipe).network.model
    data = () if options.data_dir is None else ("--data-dir", options.data_dir)
    runners = [seed_runs.TrainingCommand(own, ()), *map(seed_runs.peer, options.peers)]
    runners = [seed_runs.TrainingCommand(each.name, ("-c", options.recipe, *data, *each.arguments)) for each in runners]
    with progress("training", options.seeds * len(runners), "runs") as advance:
        rows = seed_runs.measure(runners, range(options.seeds), device, options.threads, advance)
    fairness = "peers: the same recipe, so equal epochs, optimiser and augmentation; it was tuned for ours"
    notes = [fairness] if options.peers else []
    return report_result(
        options, make_result(options, "seeds", arguments, device, rows, {"recipe": options.recipe}, notes)
    )
