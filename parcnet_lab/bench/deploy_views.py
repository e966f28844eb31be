"""Deployment results as tables."""

from typing import Any

from parcnet_lab.bench import deployed_latency
from parcnet_lab.bench.cells import View, conditions, number, spread
from parcnet_lab.bench.results import BenchmarkResult

RUNTIMES = {"onnx": "ONNX Runtime", "openvino": "OpenVINO", "mnn": "MNN"}


def edge(result: BenchmarkResult) -> View:
    """The columns of ICCV 2023, Tab. 7, each network in its fastest runtime, with the paper's figures beside."""
    rows = []
    for row in _fastest(result):
        printed = deployed_latency.paper_of(row["network"])
        latency, memory = ("-", "-") if printed is None else map(str, printed)
        counts = (f"{row['params'] / 1e6:.1f}", f"{row['macs'] / 1e9:.2f}")
        ours = (RUNTIMES[row["format"]], _setting(row), *counts, spread(row["timing"]), _mebibytes(row["peak"]))
        rows.append((_network(row), *ours, latency, memory))
    columns = (
        "network",
        "runtime",
        "batch, threads",
        "parameters, M",
        "GMACs",
        "ms",
        "peak MiB",
        "paper ms",
        "paper MB",
    )
    title = "Each network in its fastest runtime; the paper's on a quad core Cortex-A17 (Tab. 7)"
    return View(f"{title}, {conditions(result)}", columns, rows)


def ratios(result: BenchmarkResult) -> View:
    """Our best runtime over each peer's best."""
    rows = []
    for each in deployed_latency.ratios(result.rows):
        ours, peer = each["ours"], each["peer"]
        memory = "-" if each["memory_ratio"] is None else f"{each['memory_ratio']:.2f}"
        printed = [deployed_latency.paper_of(row["network"]) for row in (ours, peer)]
        paper = "-" if None in printed else " / ".join(f"{a / b:.2f}" for a, b in zip(*printed, strict=True))
        rows.append(
            (
                f"{ours['network']} ({RUNTIMES[ours['format']]})",
                f"{peer['network']} ({RUNTIMES[peer['format']]})",
                _setting(ours),
                number(ours["timing"]["median_ms"]),
                number(peer["timing"]["median_ms"]),
                f"{each['ratio']:.2f}",
                "-" if each["goal"] is None else f"{each['goal']:.2f}",
                memory,
                paper,
                f"{each['plain']:.2f}",
            )
        )
    columns = (
        "ours (fastest runtime)",
        "peer (fastest runtime)",
        "batch, threads",
        "our ms",
        "its ms",
        "ratio",
        "goal",
        "memory ratio",
        "paper's ratios, time / memory",
        "our plain export / ours",
    )
    return View(f"Deployed latency ratio, {conditions(result)}", columns, rows)


def runtimes(result: BenchmarkResult) -> View:
    """Every file."""
    rows = []
    for row in result.rows:
        rate = 1e3 * row["batch"] / row["timing"]["median_ms"]
        figures = (spread(row["timing"]), number(rate), _mebibytes(row["peak"]), f"{row['bytes'] / 1e6:.1f}")
        rows.append((_network(row), RUNTIMES[row["format"]], row["dtype"], _setting(row), *figures))
    columns = ("network", "runtime", "dtype", "batch, threads", "ms", "images/s", "peak MiB", "file MB")
    return View(f"Exported files, {conditions(result)}", columns, rows)


def _fastest(result: BenchmarkResult) -> list[dict[str, Any]]:
    best: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in result.rows:
        key = tuple(row[name] for name in ("tag", "image", "batch", "threads", "dtype", "network", "form"))
        if key not in best or row["timing"]["median_ms"] < best[key]["timing"]["median_ms"]:
            best[key] = row
    return list(best.values())


def _network(row: dict[str, Any]) -> str:
    return " ".join(filter(None, (row["network"], row["form"] and f"({row['form']} export)")))


def _setting(row: dict[str, Any]) -> str:
    return f"{row['batch']}, {row['threads']}"


def _mebibytes(value: float | None) -> str:
    return "-" if value is None else number(value / 2**20)
