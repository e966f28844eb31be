"""A recipe trained once for each seed, by the command a person would give."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from parcnet.base import UserError
from parcnet.bench.models import Note


def measure(
    recipe: str, seeds: Iterable[int], data_dir: Path | None, device: torch.device, threads: int | None, note: Note
) -> list[dict[str, Any]]:
    """One row a seed: accuracies in [0, 1] (`test_top1` None without a test split), wall time with start-up in seconds.

    Raises `UserError` with what the run said when one fails.
    """
    rows = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            command = [sys.executable, "-m", "parcnet", "train", "-c", recipe, "--seed", str(seed)]
            command += ["--device", str(device), "--output", str(run)]
            command += [] if data_dir is None else ["--data-dir", str(data_dir)]
            limit = {} if threads is None else {"OMP_NUM_THREADS": str(threads)}
            started = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **limit}, check=False)
            seconds = time.perf_counter() - started
            if done.returncode != 0:
                said = done.stderr[-2000:]
                raise UserError(f"training with seed {seed} failed (exit code {done.returncode}):\n{said}")
            found = json.loads((run / "result.json").read_text(encoding="utf-8"))
        test = found["test"]["top1"] if found.get("test") else None
        rows.append({"seed": seed, "val_top1": found["val"]["top1"], "test_top1": test, "seconds": round(seconds, 1)})
        note(1, f"seed {seed}")
    return rows
