"""Trains a recipe once for each seed with `parcnet train`, alternating with its peers."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from parcnet.base import UserError
from parcnet.base.console import Advance


@dataclass(frozen=True, slots=True)
class TrainingCommand:
    """A network to train: its name in tables, and the arguments of `parcnet train`."""

    name: str
    arguments: tuple[str, ...]


PEERS = {
    "convnext": ("convnext_tiny", "{depths: [1, 1, 2, 1], dims: [32, 64, 96, 128]}"),
    "resnet": ("resnet10t", "{channels: [32, 56, 72, 128]}"),
}
"""timm's ConvNeXt and a plain residual network with as many parameters as parcnetv2_digits, 0.43M, within 0.4%. At
32 px their maps are 8, 4, 2 and 1 px, as ours."""


def peer(name: str) -> TrainingCommand:
    """One of `PEERS`, or any network of timm."""
    model, arguments = PEERS.get(name, (name, ""))
    return TrainingCommand(f"{name} (timm)", ("--model", model, "--model-args", arguments))


def measure(
    runners: Sequence[TrainingCommand], seeds: Iterable[int], device: torch.device, threads: int | None, note: Advance
) -> list[dict[str, Any]]:
    """One row a command and seed: accuracies in [0, 1] (`test_top1` None without a test split), parameters, wall time
    in seconds, start-up included.

    Raises `UserError` with the end of the output of a run that fails.
    """
    rows = []
    for seed in seeds:
        for runner in runners:
            with tempfile.TemporaryDirectory() as folder:
                started = time.perf_counter()
                found = train((*runner.arguments, "--seed", str(seed)), Path(folder) / "run", device, threads)
                seconds = time.perf_counter() - started
            test = found["test"]["top1"] if found.get("test") else None
            row = {"network": runner.name, "parameters": found["parameters"], "seed": seed}
            figures = {"val_top1": found["val"]["top1"], "test_top1": test, "seconds": round(seconds, 1)}
            rows.append({**row, **figures})
            note(1, f"{runner.name}, seed {seed}")
    return rows


def train(arguments: Sequence[str], run: Path, device: torch.device, threads: int | None) -> dict[str, Any]:
    """Runs `parcnet train ARGUMENTS --output RUN` in its own process; returns its result.json."""
    command = [sys.executable, "-m", "parcnet", "train", *arguments, "--device", str(device), "--output", str(run)]
    limit = {} if threads is None else {"OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **limit}, check=False)
    if done.returncode != 0:
        said = done.stderr[-2000:]
        raise UserError(f"parcnet train {' '.join(arguments)} failed (exit code {done.returncode}):\n{said}")
    return json.loads((run / "result.json").read_text(encoding="utf-8"))
