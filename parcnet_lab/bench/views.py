"""Results as tables: one function a view, for the console and for Markdown files."""

import statistics
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from parcnet.base import unknown
from parcnet_lab.bench import (
    budget,
    coin_folds,
    cost_exponents,
    deploy_views,
    inference_memory,
    network_latency,
    photograph_segmentation,
    training_step,
)
from parcnet_lab.bench.cells import View, conditions, number, spread
from parcnet_lab.bench.ops import auto_is_right, best
from parcnet_lab.bench.results import BenchmarkResult


def view(result: BenchmarkResult, name: str | None = None) -> View:
    """The view called `name` of a result, by default its first. Raises `UserError` for one that its kind lacks."""
    known = VIEWS[result.kind]
    if name is None:
        name = next(iter(known))
    if name not in known:
        raise unknown(f"view of a {result.kind} result", name, known)
    return known[name](result)


def _ops(result: BenchmarkResult) -> View:
    algorithms = list(
        dict.fromkeys(name for row in result.rows for name in (*row["times"], *row["refused"], *row["wrong"]))
    )
    ceiling = result.machine["ceiling_gflops"]
    rows = []
    for row in result.rows:
        winner = best(row)
        rate = row["operations"] / row["times"][winner]["median_ms"] / 1e6 if winner else 0.0
        cells = [_algorithm_cell(row, name) for name in algorithms]
        share = f"{number(rate)} ({rate / ceiling:.0%})"
        rows.append((_case(row), *cells, winner or "-", row["auto"] + ("" if auto_is_right(row) else " !"), share))
    columns = ("B x C x H x W", *(f"{name} ms" for name in algorithms), "best", "auto", "GFLOP/s (of ceiling)")
    return View(f"Oversized convolution, {conditions(result)}", columns, rows)


def _ops_summary(result: BenchmarkResult) -> View:
    rows = []
    for size in dict.fromkeys((row["height"], row["width"]) for row in result.rows):
        group = [row for row in result.rows if (row["height"], row["width"]) == size and row["times"]]
        if not group:
            continue
        wins = Counter(best(row) for row in group)
        right = sum(map(auto_is_right, group))
        names = ", ".join(f"{name} {count}" for name, count in wins.most_common())
        rows.append((f"{size[0]}x{size[1]}", names, f"{right} of {len(group)}"))
    timed = [row for row in result.rows if row["times"]]
    right = sum(map(auto_is_right, timed))
    rows.append(("all", "", f"{right} of {len(timed)} ({right / max(len(timed), 1):.0%})"))
    return View(f"Best by map, {conditions(result)}", ("map", "best in so many cases", "auto within 5% of it"), rows)


def _algorithm_cell(row: Mapping[str, Any], name: str) -> str:
    if name in row["times"]:
        return spread(row["times"][name])
    return "wrong" if name in row["wrong"] else "refuses" if name in row["refused"] else "-"


def _models(result: BenchmarkResult) -> View:
    ceiling = result.machine["ceiling_gflops"]
    rows = []
    for row in result.rows:
        if row["timing"] is None:
            figures = (row["failure"] or "not timed", "-")
        else:
            rate = 2 * row["macs"] * row["batch"] / row["timing"]["median_ms"] / 1e6
            figures = (spread(row["timing"]), f"{number(rate)} ({rate / ceiling:.0%})")
        rows.append((row["network"], row["form"], str(row["batch"]), f"{row['macs'] / 1e9:.2f}", *figures))
    columns = ("network", "form", "batch", "GMACs", "ms", "GFLOP/s (of ceiling)")
    return View(f"Latency, {conditions(result)}", columns, rows)


def _models_ratios(result: BenchmarkResult) -> View:
    rows = []
    for row in network_latency.ratios(result.rows):
        plain = "-" if row["plain_over_ours"] is None else number(row["plain_over_ours"])
        ours, peer = f"{row['ours']} ({row['our_form']})", f"{row['peer']} ({row['peer_form']})"
        times = (number(row["our_ms"]), number(row["peer_ms"]), f"{row['ratio']:.2f}")
        rows.append((ours, peer, str(row["batch"]), *times, plain))
    columns = ("ours (best form)", "peer (best form)", "batch", "our ms", "its ms", "ratio", "our plain form / ours")
    return View(f"Latency ratio, {conditions(result)}", columns, rows)


def _train(result: BenchmarkResult) -> View:
    found = training_step.ratios(result.rows)
    rows = []
    for row in result.rows:
        ratio = next((f"{each['ratio']:.2f}" for each in found if each["peer"] is row), "")
        cells = (row["network"], row["form"], f"{row['params'] / 1e6:.1f}", f"{row['macs'] / 1e9:.2f}")
        rows.append((*cells, str(row["batch"]), spread(row["timing"]), ratio))
    columns = ("network", "form", "parameters, M", "GMACs", "batch", "ms a step", "ours / it, each at its best")
    return View(f"Training step, {conditions(result)}", columns, rows)


def _memory(result: BenchmarkResult) -> View:
    found = inference_memory.ratios(result.rows)
    rows = []
    for row in result.rows:
        low, high = row["peak_range"]
        own = next((r for r in found if r["peer"] == row["network"] and r["tag"] == row["tag"]), None)
        ratio = "" if own is None else f"{own['ratio']:.3f}"
        paper = "" if own is None or own["paper_ratio"] is None else f"{own['paper_ratio']:.3f}"
        peak = f"{_mebibytes(row['peak'])} ({_mebibytes(low)}-{_mebibytes(high)})"
        rows.append((row["network"], str(row["batch"]), _mebibytes(row["weights"]), peak, ratio, paper))
    columns = ("network", "batch", "weights MiB", "peak MiB, weights included", "ours / it", "paper (Tab. 7)")
    return View(f"Peak inference memory, {conditions(result)}", columns, rows)


def _scaling(result: BenchmarkResult) -> View:
    found = {each["algorithm"]: each for each in cost_exponents.exponents(result.rows)}
    sides = sorted({row["height"] for row in result.rows})
    rows = []
    for name, each in found.items():
        times = {row["height"]: row["times"].get(name) for row in result.rows}
        cells = ["-" if times.get(side) is None else number(times[side]["median_ms"]) for side in sides]
        fitted = "-" if each["fitted"] is None else f"{each['fitted']:.2f}"
        expected = "-" if each["expected"] is None else f"{each['expected']:.2f} ({each['formula']})"
        rows.append((name, *cells, fitted, expected))
    columns = ("algorithm", *(f"{side} ms" for side in sides), "exponent, upper half", "expected")
    return View(f"Cost against the map's side, {conditions(result)}", columns, rows)


def _profile(result: BenchmarkResult) -> View:
    ceiling = result.machine["ceiling_gflops"]
    kinds = list(dict.fromkeys(kind for row in result.rows for kind in row["milliseconds"]))
    rows = []
    for row in result.rows:
        floor = 2 * row["macs"] * row["batch"] / ceiling / 1e6
        parts = [number(row["milliseconds"].get(kind, 0.0)) for kind in kinds]
        total = number(sum(row["milliseconds"].values()))
        rows.append((row["network"], row["form"], str(row["batch"]), *parts, total, number(floor)))
    columns = ("network", "form", "batch", *(f"{kind} ms" for kind in kinds), "profiled ms", "floor ms")
    return View(f"Where the time goes, {conditions(result)}", columns, rows)


def _merge(result: BenchmarkResult) -> View:
    rows = []
    for row in result.rows:
        times = row["times"]
        gain = times["dense"]["median_ms"] / times["conv"]["median_ms"]
        size = f"{row['channels']}x{row['height']}x{row['width']}"
        forms = (spread(times[name]) for name in ("conv", "matmul", "dense"))
        rows.append((row["tag"], str(row["batch"]), str(row["stage"]), size, *forms, f"{gain:.2f}"))
    columns = ("size", "batch", "stage", "map", "separate ms", "toeplitz ms", "merged ms", "merged / separate")
    return View(f"Local-global convolution by stage, {conditions(result)}", columns, rows)


def _seeds(result: BenchmarkResult) -> View:
    def percent(value: float | None) -> str:
        return "-" if value is None else f"{value:.2%}"

    networks = list(dict.fromkeys(row.get("network") for row in result.rows))
    named = len(networks) > 1
    rows: list[tuple[str, ...]] = []
    for row in sorted(result.rows, key=lambda row: networks.index(row.get("network"))):
        cells = (str(row["seed"]), percent(row["val_top1"]), percent(row["test_top1"]), f"{row['seconds']:.0f}")
        rows.append((_named(row), *cells) if named else cells)
    for name in networks:
        group = [row for row in result.rows if row.get("network") == name and row["test_top1"] is not None]
        if len(group) > 1:
            tops, seconds = [row["test_top1"] for row in group], statistics.fmean(row["seconds"] for row in group)
            mean = f"{statistics.fmean(tops):.2%} (sd {statistics.stdev(tops):.2%})"
            cells = ("mean", "", mean, f"{seconds:.0f}")
            rows.append((_named(group[0]), *cells) if named else cells)
    columns: tuple[str, ...] = ("seed", "val top-1 (chooses the epoch)", "test top-1", "wall s, start-up included")
    columns = ("what (parameters)", *columns) if named else columns
    return View(f"Recipe {result.settings['recipe']}, {conditions(result)}", columns, rows)


def _named(row: Mapping[str, Any]) -> str:
    return f"{row['network']} ({row['parameters'] / 1e6:.3f}M)"


def _faults(result: BenchmarkResult) -> View:
    rows = [
        (
            str(row["processes"]),
            str(row["kills"]),
            str(row["steps"]),
            str(row["unequal"]),
            f"{row['seconds_alone']:.0f}",
            f"{row['seconds']:.0f}",
        )
        for row in result.rows
    ]
    columns = (
        "processes",
        "SIGKILLs",
        "steps",
        "log lines and weights that differ",
        "s, uninterrupted",
        "s, with kills",
    )
    return View(f"Killed and resumed, recipe {result.settings['recipe']}, {conditions(result)}", columns, rows)


def _loader(result: BenchmarkResult) -> View:
    stages = [row for row in result.rows if "stage" in row]
    rows = [
        (
            row["stage"],
            f"{row['ms']:.2f} ({row['ms_range'][0]:.2f}-{row['ms_range'][1]:.2f})",
            f"{1e3 / row['ms']:,.0f}",
        )
        for row in stages
    ]
    total = sum(row["ms"] for row in stages)
    rows.append(("together", f"{total:.2f}", f"{1e3 / total:,.0f}"))
    size = f"JPEG of {stages[0]['image_bytes'] / 1e3:.0f} KB, {stages[0]['image_pixels'] / 1e3:.0f} K pixels on average"
    title = f"One image on one core, recipe {result.settings['recipe']}, {size}, {conditions(result)}"
    return View(title, ("stage", "ms an image", "images a second"), rows)


def _loader_rates(result: BenchmarkResult) -> View:
    step = next(row for row in result.rows if "network" in row)
    rows = []
    for row in (row for row in result.rows if "workers" in row):
        rate = row["images_per_second"]
        limit = "the loader" if rate < step["images_per_second"] else "the step"
        rows.append(
            (f"loader, {row['workers']} workers", f"{rate:,.1f}", f"{rate / step['images_per_second']:.2f}", limit)
        )
    title = f"training step, {step['network']}, batch {step['batch']}"
    rows.append((title, f"{step['images_per_second']:,.1f}", "1", ""))
    columns = ("what", "images a second", "of the step's", "what limits training")
    return View(f"Loader beside training step, {conditions(result)}", columns, rows)


def _loader_budget(result: BenchmarkResult) -> View:
    stages = [row for row in result.rows if "stage" in row]
    each = 1e3 * budget.core_seconds(stages)
    title = f"Training at scale: {each:.2f} ms of a core an image (measured: {conditions(result)}), GPU rates assumed"
    return View(title, budget.COLUMNS, budget.budget(stages))


def _case(row: Mapping[str, Any]) -> str:
    return f"{row['batch']}x{row['channels']}x{row['height']}x{row['width']}"


def _mebibytes(value: float) -> str:
    return number(value / 2**20)


VIEWS: dict[str, dict[str, Callable[[BenchmarkResult], View]]] = {
    "ops": {"cases": _ops, "summary": _ops_summary},
    "tune": {"cases": _ops, "summary": _ops_summary},
    "models": {"latency": _models, "ratios": _models_ratios},
    "train": {"steps": _train},
    "memory": {"peaks": _memory},
    "scaling": {"exponents": _scaling},
    "profile": {"kinds": _profile},
    "merge": {"stages": _merge},
    "loader": {"stages": _loader, "rates": _loader_rates, "budget": _loader_budget},
    "seeds": {"runs": _seeds},
    "faults": {"kills": _faults},
    "coins": {"folds": coin_folds.folds_view},
    "segmentation": {"scales": photograph_segmentation.scales_view, "classes": photograph_segmentation.classes_view},
    "deploy": {"edge": deploy_views.edge, "ratios": deploy_views.ratios, "runtimes": deploy_views.runtimes},
}
"""The views of each kind of result; the first is the default."""
