"""Latency, peak memory and size of exported files, ours and the peers', each in its runtime, interleaved."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.base.console import Advance
from parcnet.base.timing import summarise
from parcnet.deploy import SUFFIXES, export
from parcnet.deploy.writers import files_of
from parcnet_lab.bench.network_latency import complexity_of
from parcnet_lab.bench.networks import OURS, PEER, Contender, contenders

GOALS = {"tiny": 0.92, "small": 0.87, "base": 0.80}
"""Targets: our latency over ConvNeXt's, each in its fastest runtime, at batch 1, fp32, 2 threads."""

PAPER = {
    "swin_tiny": (855, 139),
    "convnext_tiny": (875, 129),
    "parcnetv2_tiny": (840, 118),
    "swin_small": (1576, 222),
    "convnext_small": (1618, 211),
    "parcnetv2_small": (1485, 181),
    "swin_base": (2649, 378),
    "convnext_base": (2708, 364),
    "parcnetv2_base": (2339, 252),
}
"""Latency in ms and memory in MB on a quad core Cortex-A17, batch 1 (ICCV 2023, Tab. 7)."""

PLAIN = "plain"
_WORKER = Path(__file__).with_name("deploy_worker.py")
_CALLS = 4  # a turn; the first runs with the caches of another process and is not counted


@dataclass(frozen=True, slots=True)
class DeploymentSetting:
    """One comparison: the networks of a tag, in one precision, batch and number of threads."""

    tag: str
    image: int
    batch: int
    threads: int
    dtype: str
    algorithm: str
    """Algorithm of our local-global convolutions; `auto` measures each stage in the runtime."""


class PlainNetwork(nn.Module):
    """ParCNetV2 as torch's exporter traces it: kernels fitted to the size, nothing folded."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        self.num_classes = network.num_classes
        self.pretrained_cfg = network.pretrained_cfg

    def set_input_size(self, size: tuple[int, int]) -> None:
        """Sets the input size of the network."""
        self.network.set_input_size(size)

    def forward(self, image: Tensor) -> Tensor:
        return self.network(image)


class _Worker:
    """An exported file in its own process."""

    def __init__(self, file: Path, kind: str, setting: DeploymentSetting, channels: int) -> None:
        shape = [setting.batch, channels, setting.image, setting.image]
        asked = {"file": str(file), "format": kind, "threads": setting.threads, "shape": shape}
        self.process = subprocess.Popen(
            [sys.executable, "-I", str(_WORKER), json.dumps(asked)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def ask(self, what: str) -> Any:
        """The worker's answer to one line."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        for line in self.process.stdout:  # runtimes print banners to stdout too
            try:
                return json.loads(line)
            except ValueError:
                continue
        assert self.process.stderr is not None
        last = (self.process.stderr.read().strip() or f"exit code {self.process.wait()}").splitlines()[-1]
        raise UserError(f"the runtime's process ended before the measurement: {last}")

    def close(self) -> None:
        """Ends the process."""
        self.process.communicate()


def measure(
    settings: Sequence[DeploymentSetting],
    formats: Sequence[str],
    peers: Sequence[str],
    folder: Path,
    rounds: int,
    note: Advance,
) -> Iterator[dict[str, Any]]:
    """A row for each network, form and format of each setting. Files are exported to `folder` unless they exist.

    The processes take turns of a few calls, `rounds` times, in alternating order. note(1, what) is called before each
    export and after each setting.
    """
    for setting in settings:
        rows, workers = [], []
        with ExitStack() as stack:
            for contender in contenders(setting.tag, setting.image, _named(peers, setting.tag)):
                for form in ("", PLAIN) if contender.side == OURS else ("",):
                    for kind in formats:
                        note(1, f"{contender.network} {form} {kind}")
                        file = _file(contender, form, kind, setting, folder)
                        worker = _Worker(file, kind, setting, 3)
                        stack.callback(worker.close)
                        workers.append(worker)
                        rows.append(_row(contender, form, kind, setting, file))
            samples: list[list[float]] = [[] for _ in workers]
            for turn in range(rounds):
                order = range(len(workers)) if turn % 2 == 0 else reversed(range(len(workers)))
                for place in order:
                    samples[place] += workers[place].ask(str(_CALLS))[1:]
            for row, worker, seconds in zip(rows, workers, samples, strict=True):
                yield {**row, "timing": asdict(summarise(seconds)), "peak": worker.ask("memory")}
        note(1, f"{setting.tag} timed")


def ratios(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Our fastest format against each peer's fastest, by setting; `plain`: our plain export over our own export."""
    found = []
    keys = ("tag", "image", "batch", "threads", "dtype")
    for setting in dict.fromkeys(tuple(row[key] for key in keys) for row in rows):
        group = [row for row in rows if tuple(row[key] for key in keys) == setting]
        ours = _best([row for row in group if row["side"] == OURS and row["form"] != PLAIN])
        plain = _best([row for row in group if row["form"] == PLAIN])
        for name in dict.fromkeys(row["network"] for row in group if row["side"] == PEER):
            peer = _best([row for row in group if row["network"] == name])
            goal = GOALS.get(setting[0]) if name.startswith("convnext") and setting[2:] == (1, 2, "fp32") else None
            found.append(
                {
                    **dict(zip(keys, setting, strict=True)),
                    "ours": ours,
                    "peer": peer,
                    "ratio": ours["timing"]["median_ms"] / peer["timing"]["median_ms"],
                    "memory_ratio": None if ours["peak"] is None else ours["peak"] / peer["peak"],
                    "plain": plain["timing"]["median_ms"] / ours["timing"]["median_ms"],
                    "goal": goal,
                }
            )
    return found


def paper_of(network: str) -> tuple[int, int] | None:
    """Latency (ms) and memory (MB) that Tab. 7 prints for a network, by its registered name."""
    return next((printed for name, printed in PAPER.items() if network.startswith(name)), None)


def _named(peers: Sequence[str], tag: str) -> list[str]:
    """`swin` stands for the Swin of the tag, as `convnext` for the ConvNeXt."""
    return [f"swin_{tag}_patch4_window7_224" if peer == "swin" else peer for peer in peers]


def _best(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return min(rows, key=lambda row: row["timing"]["median_ms"])


def _file(contender: Contender, form: str, kind: str, setting: DeploymentSetting, folder: Path) -> Path:
    name = "-".join(filter(None, (contender.network, form, str(setting.image), f"b{setting.batch}", setting.dtype)))
    file = folder / f"{name}{SUFFIXES[kind]}"
    if not file.is_file():
        network = contender.build().eval()
        _wake(network)
        export(
            PlainNetwork(network) if form == PLAIN else network,
            file,
            format=kind,
            size=setting.image,
            batch=setting.batch,
            dtype=setting.dtype,
            algorithm=setting.algorithm,
        )
    return file


def _wake(network: nn.Module) -> None:
    """Moves scales away from 1, so that no exporter removes a multiplication that a trained network needs."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "res_scale" in name:
                parameter.uniform_(0.8, 1.2, generator=generator)
            elif "norm" in name and parameter.dim() == 1 and name.endswith("weight"):
                parameter.fill_(1.0)


def _row(contender: Contender, form: str, kind: str, setting: DeploymentSetting, file: Path) -> dict[str, Any]:
    return {
        **asdict(setting),
        "side": contender.side,
        "network": contender.network,
        "form": form,
        "format": kind,
        **asdict(complexity_of(contender, setting.image)),
        "bytes": sum(each.stat().st_size for each in files_of(file)),
    }
