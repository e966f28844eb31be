"""`parcnet bench finetune`: fine-tuning compared with training from scratch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from parcnet_cli.bench.measurement import MeasurementOptions, make_result, prepare, report_result
from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Cuts the photographs of scikit-image into a folder of labelled tiles, fine-tunes a checkpoint trained on the digits, and
trains the same network from scratch. Shows test top-1 over several seeds.

  parcnet bench finetune                               about ten minutes on two cores
"""


@dataclass(frozen=True)
class BenchFinetuneOptions(MeasurementOptions):
    """How long to train, and how often."""

    seeds: int = 3
    """Runs of each kind, with seeds 0, 1, 2, ..."""
    epochs: int = 20
    """Epochs per run."""


def run(arguments: Sequence[str]) -> int:
    """Trains and prints; exit code 0. Raises `UserError`."""
    options = parse(BenchFinetuneOptions, "bench finetune", _DESCRIPTION, arguments)
    device, _ = prepare(options)

    import tempfile

    from parcnet.base import progress
    from parcnet_lab.bench import seed_runs
    from parcnet_lab.datasets import tiled_photographs as photographs

    with tempfile.TemporaryDirectory() as temporary, progress("training", 2 * options.seeds + 1, "runs") as advance:
        folder = Path(temporary)
        counts = photographs.make_folder(folder / "photographs")
        seed_runs.train(("-c", "digits"), folder / "digits", device, options.threads)
        advance(1, "digits")
        shared = (
            *("--data-dir", str(folder / "photographs"), "--model", "parcnetv2_digits", "--img-size", "64"),
            *("--epochs", str(options.epochs), "--workers", "0", "--batch-size", "16", "--threads", "1"),
        )
        start = ("--initial-checkpoint", str(folder / "digits"))
        runners = [
            seed_runs.TrainingCommand("fine-tuned from the digits", ("-c", "finetune_folder", *shared, *start)),
            seed_runs.TrainingCommand("trained from scratch", ("-c", "train_folder", *shared)),
        ]
        rows = seed_runs.measure(runners, range(options.seeds), device, options.threads, advance)
    settings = {"recipe": "finetune_folder", "epochs": options.epochs, "images": counts}
    notes = [
        f"{len(photographs.SOURCES)} photographs of scikit-image in tiles of {photographs.TILE} px ("
        f"{', '.join(f'{count} {split}' for split, count in counts.items())}), parcnetv2_digits at 64 px, "
        f"{options.epochs} epochs, batch 16; otherwise finetune_folder from a digits checkpoint, and train_folder"
    ]
    return report_result(options, make_result(options, "seeds", arguments, device, rows, settings, notes))
