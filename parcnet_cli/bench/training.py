"""`parcnet bench seeds`, `finetune` and `faults`: whole trainings, by the command a person would give."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from parcnet_cli.bench.arguments import Common, Seeds
from parcnet_cli.bench.command import finish, prepare, result_of
from parcnet_cli.bench.help import DESCRIPTIONS
from parcnet_cli.common.arguments import parse

_FINETUNE = """\
Cuts photographs that come with scikit-image into a folder of real images, and fine-tunes a checkpoint trained on the
digits beside the same network from no weights: top-1 on the test split over several seeds.

  parcnet bench finetune                               about ten minutes on two cores
"""
_FAULTS = """\
Trains once undisturbed, and once killed (SIGKILL) again and again at random steps: every loss, gradient norm, metric
and weight must be the same, bit for bit. One process is killed whole; of two, which share the batch, one is killed, and
torchrun starts both again.

  parcnet bench faults --kills 3 --processes 1         about a minute on two cores
  parcnet bench faults                                 30 kills of one process and 30 of two: half an hour
"""


@dataclass(frozen=True)
class FineTune(Common):
    """How long, and how often."""

    seeds: int = 3
    """Runs of each, with seeds 0, 1, 2, ..."""
    epochs: int = 20
    """Of each run."""


@dataclass(frozen=True)
class Faults(Common):
    """How often, and among how many processes."""

    kills: int = 30
    """For each number of processes."""
    processes: tuple[int, ...] = (1, 2)
    """Numbers of processes."""
    epochs: int = 12
    """Of the digits recipe, 39 steps each."""
    save_every: int = 7
    """Steps between training states."""
    seed: int = 0
    """Fixes the steps and the processes that are killed."""


def _seeds(arguments: Sequence[str]) -> int:
    asked = parse(Seeds, "bench seeds", DESCRIPTIONS["seeds"], arguments)
    device, _ = prepare(asked)

    from parcnet.base import progress
    from parcnet.recipes import read_recipe
    from parcnet_lab.bench import seed_runs

    own = read_recipe(asked.recipe).network.model
    data = () if asked.data_dir is None else ("--data-dir", asked.data_dir)
    runners = [seed_runs.TrainingCommand(own, ()), *map(seed_runs.peer, asked.peers)]
    runners = [seed_runs.TrainingCommand(each.name, ("-c", asked.recipe, *data, *each.arguments)) for each in runners]
    with progress("training", asked.seeds * len(runners), "runs") as advance:
        rows = seed_runs.measure(runners, range(asked.seeds), device, asked.threads, advance)
    notes = ["peers: the same recipe, so equal epochs, optimiser and augmentation; it was chosen for ours"]
    return finish(
        asked,
        result_of(asked, "seeds", arguments, device, rows, {"recipe": asked.recipe}, notes if asked.peers else []),
    )


def _finetune(arguments: Sequence[str]) -> int:
    asked = parse(FineTune, "bench finetune", _FINETUNE, arguments)
    device, _ = prepare(asked)

    import tempfile

    from parcnet.base import progress
    from parcnet_lab.bench import seed_runs
    from parcnet_lab.datasets import tiled_photographs as photographs

    with tempfile.TemporaryDirectory() as work, progress("training", 2 * asked.seeds + 1, "runs") as advance:
        folder = Path(work)
        counts = photographs.make_folder(folder / "photographs")
        seed_runs.train(("-c", "digits"), folder / "digits", device, asked.threads)
        advance(1, "digits")
        same = (
            *("--data-dir", str(folder / "photographs"), "--model", "parcnetv2_digits", "--img-size", "64"),
            *("--epochs", str(asked.epochs), "--workers", "0", "--batch-size", "16", "--threads", "1"),
        )
        start = ("--initial-checkpoint", str(folder / "digits"))
        runners = [
            seed_runs.TrainingCommand("fine-tuned from the digits", ("-c", "finetune_folder", *same, *start)),
            seed_runs.TrainingCommand("from no weights", ("-c", "train_folder", *same)),
        ]
        rows = seed_runs.measure(runners, range(asked.seeds), device, asked.threads, advance)
    settings = {"recipe": "finetune_folder", "epochs": asked.epochs, "images": counts}
    notes = [
        f"{len(photographs.SOURCES)} photographs of scikit-image in tiles of {photographs.TILE} px ("
        f"{', '.join(f'{count} {split}' for split, count in counts.items())}), parcnetv2_digits at 64 px, "
        f"{asked.epochs} epochs, batch 16; otherwise finetune_folder from a digits checkpoint, and train_folder"
    ]
    return finish(asked, result_of(asked, "seeds", arguments, device, rows, settings, notes))


def _faults(arguments: Sequence[str]) -> int:
    asked = parse(Faults, "bench faults", _FAULTS, arguments)
    device, _ = prepare(asked)

    import tempfile

    from parcnet.base import progress, warn
    from parcnet_lab.bench import faults

    training = ("--epochs", str(asked.epochs), "--save-every", str(asked.save_every))
    total = (asked.kills + 1) * len(asked.processes)
    with tempfile.TemporaryDirectory() as folder, progress("killing", total, "runs") as advance:
        rows = [
            faults.measure(training, asked.kills, each, asked.seed, Path(folder), advance) for each in asked.processes
        ]
    settings = {"recipe": "digits", "epochs": asked.epochs, "save_every": asked.save_every}
    code = finish(asked, result_of(asked, "faults", arguments, device, rows, settings, []))
    short = [row for row in rows if row["kills"] < asked.kills]
    for row in short:
        warn(f"{row['kills']} of {asked.kills} kills: the run of {row['processes']} ended before the others")
    return code or int(bool(short) or any(row["unequal"] for row in rows))


RUN: dict[str, Callable[[Sequence[str]], int]] = {"seeds": _seeds, "finetune": _finetune, "faults": _faults}
"""What is measured -> the command."""
