"""Segmentation of photographs: single-scale against multi-scale inference, interpolated against fixed kernels."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from parcnet.base import UserError
from parcnet.base.console import Advance
from parcnet_lab.bench.cells import View, conditions
from parcnet_lab.bench.results import BenchmarkResult
from parcnet_lab.bench.seed_runs import train
from parcnet_lab.datasets.labelled_photographs import make_label_folder

LABELS = (
    "labels are pseudo-labels, made by rules (thresholds, a watershed); half of every photograph is for training, a "
    "fifth selects the epoch, and the rest is for testing"
)
MULTI = "multi-scale: the mean over scales 0.5 to 1.75, each also mirrored"


def measure(
    fits: Sequence[str],
    seeds: Sequence[int],
    recipe: str,
    folder: Path,
    device: torch.device,
    threads: int | None,
    note: Advance,
) -> list[dict[str, Any]]:
    """One row a seed and kernel fit: mIoU in [0, 1] on held-out regions, single- and multi-scale; wall time in seconds.

    Data and runs are left in `folder`. Raises `UserError` where it exists, and with the end of the output of a run that
    fails.
    """
    if folder.exists():
        raise UserError(f"{folder} exists already: remove it, or choose another --folder.")
    data = folder / "photographs"
    make_label_folder(data)
    rows = []
    for seed in seeds:
        for fit in fits:
            run = folder / f"{fit}-seed{seed}"
            started = time.perf_counter()
            asked = ("-c", recipe, "--data-dir", str(data), "--kernel-fit", fit, "--seed", str(seed))
            train(asked, run, device, threads)
            seconds = round(time.perf_counter() - started, 1)
            single, multi = (_tested(run, data, device, flags) for flags in ((), ("--multi-scale",)))
            figures = {"single": single["miou"], "multi": multi["miou"], "macc": single["macc"], "aacc": single["aacc"]}
            rows.append({"kernel_fit": fit, "seed": seed, **figures, "iou": single["iou"], "seconds": seconds})
            note(1, f"{fit}, seed {seed}")
    return rows


def _tested(run: Path, data: Path, device: torch.device, flags: Sequence[str]) -> dict[str, Any]:
    """The metrics of `parcnet eval` on the test regions."""
    command = ["eval", str(run), "--data-dir", str(data), "--split", "test", "--device", str(device), "--json", *flags]
    done = subprocess.run([sys.executable, "-m", "parcnet", *command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"parcnet {' '.join(command)} failed (exit code {done.returncode}):\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)


def scales_view(result: BenchmarkResult) -> View:
    """A line a run, and for each kernel fit the mean gain of multi-scale inference with its spread over seeds."""
    rows = []
    for fit in dict.fromkeys(row["kernel_fit"] for row in result.rows):
        group = [row for row in result.rows if row["kernel_fit"] == fit]
        gains = [row["multi"] - row["single"] for row in group]
        rows += [_cells(row) for row in group]
        if len(group) > 1:
            means = [f"{statistics.fmean(row[name] for row in group):.2%}" for name in ("single", "multi")]
            gain = f"{100 * statistics.fmean(gains):+.2f} (sd {100 * statistics.stdev(gains):.2f})"
            rows.append((fit, "mean", *means, gain, "", "", f"{statistics.fmean(row['seconds'] for row in group):.0f}"))
    columns = ("kernels", "seed", "mIoU", "mIoU, multi-scale", "gain, points", "mAcc", "aAcc", "wall s")
    return View(f"Photographs, recipe {result.settings['recipe']}, {conditions(result)}", columns, rows)


def classes_view(result: BenchmarkResult) -> View:
    """Single-scale IoU of each class, a column a run."""
    names = list(result.rows[0]["iou"])
    rows = [(name, *(_share(row["iou"][name]) for row in result.rows)) for name in names]
    columns = ("class", *(f"{row['kernel_fit']}, seed {row['seed']}" for row in result.rows))
    return View(f"IoU by class, recipe {result.settings['recipe']}, {conditions(result)}", columns, rows)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    single, multi, *others = [f"{row[name]:.2%}" for name in ("single", "multi", "macc", "aacc")]
    gain = f"{100 * (row['multi'] - row['single']):+.2f}"
    return (row["kernel_fit"], str(row["seed"]), single, multi, gain, *others, f"{row['seconds']:.0f}")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"
