"""Peak inference memory, each network in a fresh process, beside the ratios the paper prints."""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from parcnet.base import UserError
from parcnet.base.console import Advance
from parcnet_lab.bench.networks import OURS, Contender, contenders

PAPER_RATIO = {"tiny": 0.915, "small": 0.858, "base": 0.692}
"""Inference memory of ParCNetV2 over that of the ConvNeXt of the same tag (ICCV 2023, Tab. 7), on an Arm board."""


def measure(
    tags: Sequence[str],
    batch: int,
    image: int,
    peers: Sequence[str],
    device: torch.device,
    dtype: str,
    repeats: int,
    form: str,
    note: Advance,
) -> Iterator[list[dict[str, Any]]]:
    """The rows of each tag in turn, in bytes: `weights`, and `peak`, the median over `repeats` processes."""
    for tag in tags:
        rows = []
        for contender in contenders(tag, image, peers):
            seen = []
            own_form = form if contender.side == OURS else "eager"
            for _ in range(repeats):
                seen.append(_in_a_process(contender, own_form, batch, image, device, dtype))
                note(1, contender.network)
            peaks = [each["peak"] for each in seen]
            rows.append(
                {
                    "tag": tag,
                    "batch": batch,
                    "image": image,
                    "side": contender.side,
                    "network": contender.network,
                    "form": own_form,
                    "weights": seen[0]["weights"],
                    "peak": round(statistics.median(peaks)),
                    "peak_range": [min(peaks), max(peaks)],
                }
            )
        yield rows


def ratios(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Our peak over each peer's, by tag, with the paper's ratio to ConvNeXt where it prints one."""
    compared = []
    for ours in (row for row in rows if row["side"] == "ours"):
        for peer in (row for row in rows if row["side"] == "peer" and row["tag"] == ours["tag"]):
            paper = PAPER_RATIO.get(ours["tag"]) if peer["network"] == f"convnext_{ours['tag']}" else None
            names = {"tag": ours["tag"], "ours": ours["network"], "peer": peer["network"]}
            compared.append({**names, "ratio": ours["peak"] / peer["peak"], "paper_ratio": paper})
    return compared


def _in_a_process(
    contender: Contender, form: str, batch: int, image: int, device: torch.device, dtype: str
) -> dict[str, int]:
    asked = {
        "network": contender.network,
        "side": contender.side,
        "arguments": dict(contender.arguments),
        "form": form,
        "batch": batch,
        "image": image,
        "device": str(device),
        "dtype": dtype,
        "threads": torch.get_num_threads(),
    }
    command = [sys.executable, "-m", "parcnet_lab.bench.memory_probe", json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise UserError(f"{contender.network} at batch {batch} failed before the measurement: {last}")
    return json.loads(done.stdout)
