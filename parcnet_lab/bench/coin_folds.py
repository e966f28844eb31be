"""Detection on the coins by cross-validation, trained with `parcnet train` fold by fold."""

import statistics
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
from parcnet_lab.datasets.coins import make_coco

METRICS = ("box_ap", "mask_ap", "box_ap50", "mask_ap50")


def measure(
    folds: Sequence[int], recipe: str, folder: Path, device: torch.device, threads: int | None, note: Advance
) -> list[dict[str, Any]]:
    """One row a fold: COCO's AP on the held-out row of coins, in [0, 1], and wall time in seconds, start-up included.

    Data and run are left in `folder`/foldN. Raises `UserError` where a fold's folder exists, and with the end of the
    output of a run that fails.
    """
    for fold in folds:
        if (folder / f"fold{fold}").exists():
            raise UserError(f"{folder / f'fold{fold}'} exists already: remove it, or choose another --folder.")
    rows = []
    for fold in folds:
        data, run = folder / f"fold{fold}" / "coins", folder / f"fold{fold}" / "run"
        coins = make_coco(data, fold)
        started = time.perf_counter()
        found = train(("-c", recipe, "--data-dir", str(data)), run, device, threads)
        seconds = round(time.perf_counter() - started, 1)
        figures = {name: found["test"][name] for name in METRICS}
        rows.append({"fold": fold, "learned": coins["train"], "tested": coins["test"], **figures, "seconds": seconds})
        note(1, f"fold {fold}")
    return rows


def folds_view(result: BenchmarkResult) -> View:
    """A line a fold, and their mean."""
    rows = [(str(row["fold"]), str(row["learned"]), str(row["tested"]), *_cells([row])) for row in result.rows]
    if len(rows) > 1:
        rows.append(("mean", "", "", *_cells(result.rows)))
    columns = ("row held out", "coins learned", "coins tested", "box AP", "mask AP", "box AP50", "mask AP50", "wall s")
    return View(f"Coins, recipe {result.settings['recipe']}, {conditions(result)}", columns, rows)


def _cells(rows: Sequence[dict[str, Any]]) -> list[str]:
    figures = [f"{statistics.fmean(row[name] for row in rows):.3f}" for name in METRICS]
    return [*figures, f"{statistics.fmean(row['seconds'] for row in rows):.0f}"]
