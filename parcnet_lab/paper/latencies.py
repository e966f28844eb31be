"""Latency of networks on this machine: from result files of `parcnet bench models`, or measured now."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from parcnet.base import UserError, pick_device, progress
from parcnet_lab.bench import describe, network_latency
from parcnet_lab.bench.results import BenchmarkResult, read

TAGS = ("tiny", "small", "base")
_EAGER = "eager"
_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Latencies:
    """Milliseconds of one call, by (network, form), and the machine and commands they come from."""

    batch: int
    milliseconds: dict[tuple[str, str], float]
    origin: str


def kept(folder: Path) -> Latencies | None:
    """The latencies of single images in the result files of a folder, or None where there are none; CPU first.

    Results of one machine and the same versions are merged; of equal network and form, the first counts.
    """
    results = [result for path in sorted(folder.glob("models-*.json")) if _timed((result := read(path)).rows)]
    if not results:
        return None
    machine = _machine(results[0])
    joined = [result for result in results if _machine(result) == machine]
    found: dict[tuple[str, str], float] = {}
    for result in joined:
        found = {**_timed(result.rows), **found}
    commands = ", ".join(f"`{result.command}`" for result in joined)
    return Latencies(1, found, f"{machine}; {commands}")


def measured(device_name: str) -> Latencies:
    """Eager latencies of single images, measured now: ParCNetV2, ConvNeXt, Swin, SLaK, RepLKNet in three sizes."""
    device = pick_device(device_name)
    settings = [network_latency.LatencySetting(tag, 1, 224, (_EAGER,), _peers(tag)) for tag in TAGS]
    rows: list[dict[str, Any]] = []
    with progress("timing networks", sum(1 + len(each.peers) for each in settings), "networks") as advance:
        for found in network_latency.measure(settings, device, torch.float32, _SECONDS, advance):
            rows += found
    result = BenchmarkResult("models", "measured now", describe(device, torch.float32), {"image": 224}, rows)
    return Latencies(1, _timed(rows), _machine(result))


def fastest(latencies: Latencies) -> dict[str, tuple[float, str]]:
    """Network -> (milliseconds, form) of its fastest form."""
    found: dict[str, tuple[float, str]] = {}
    for (network, form), spent in latencies.milliseconds.items():
        if network not in found or spent < found[network][0]:
            found[network] = (spent, form)
    return found


def required(folder: Path) -> Latencies:
    """As `kept`, but raises `UserError` where there are none."""
    found = kept(folder)
    if found is None:
        raise UserError(
            f"no latency of single images in {folder}: write some with `parcnet bench models --output {folder}`, "
            "or measure now with --measure."
        )
    return found


def _peers(tag: str) -> tuple[str, ...]:
    large = ("replknet_31b",) if tag == "base" else ()
    return ("convnext", f"swin_{tag}_patch4_window7_224", "slak", *large)


def _timed(rows: list[dict[str, Any]]) -> dict[tuple[str, str], float]:
    return dict(_single_images(rows))


def _single_images(rows: list[dict[str, Any]]) -> Iterator[tuple[tuple[str, str], float]]:
    for row in rows:
        if row["batch"] == 1 and row["image"] == 224 and row["timing"] is not None:
            yield (row["network"], row["form"]), row["timing"]["median_ms"]


def _machine(result: BenchmarkResult) -> str:
    machine = result.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return f"{machine['device']}, {machine['threads']} threads, {machine['dtype']}; {versions}; {machine['date']}"
