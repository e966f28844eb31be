"""Results of several networks on a suite: CSV in the format of timm's result files, and a summary."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from parcnet.evaluation.robustness.score import PartScore

_TIMM_COLUMNS = (
    "model",
    "img_size",
    "top1",
    "top1_err",
    "top5",
    "top5_err",
    "param_count",
    "crop_pct",
    "interpolation",
)
"""In timm's order."""
_MORE_COLUMNS = ("dataset", "samples", "samples_per_sec")


def csv_text(rows: Iterable[tuple[Mapping[str, Any], PartScore]]) -> str:
    """One line per (network, part). The mapping describes the network: model, img_size, param_count (millions),
    crop_pct and interpolation. Top-1 and top-5 are percentages.
    """
    written = io.StringIO()
    writer = csv.DictWriter(written, (*_TIMM_COLUMNS, *_MORE_COLUMNS), lineterminator="\n")
    writer.writeheader()
    for network, scored in rows:
        scores, metrics = scored.scores, scored.scores.metrics()
        percentages = {name: 100 * metrics[name] for name in ("top1", "top5")}
        errors = {f"{name}_err": 100 - value for name, value in percentages.items()}
        figures = {name: f"{value:.3f}" for name, value in {**percentages, **errors}.items()}
        rate = f"{scores.images_per_second:.1f}"
        writer.writerow(
            {**network, **figures, "dataset": scored.part, "samples": scores.count, "samples_per_sec": rate}
        )
    return written.getvalue()


def summary(scores: Sequence[PartScore]) -> list[tuple[str, float, float, float, int]]:
    """Rows (name, top-1, top-5, images per second, images); parts `CORRUPTION SEVERITY` are averaged over severities.

    With corrupted parts, the last row is the mean over corruptions and severities, equally weighted.
    """
    groups: dict[str, list[PartScore]] = {}
    for scored in scores:
        name, _, severity = scored.part.rpartition(" ")
        groups.setdefault(name if severity.isdigit() else scored.part, []).append(scored)
    rows = [(name, *_means(members)) for name, members in groups.items()]
    corrupted = [scored for scored in scores if scored.part.rpartition(" ")[2].isdigit()]
    return [*rows, ("mean over corruptions and severities", *_means(corrupted))] if corrupted else rows


def _means(members: Sequence[PartScore]) -> tuple[float, float, float, int]:
    results = [each.scores for each in members]
    return (
        fmean(each.metrics()["top1"] for each in results),
        fmean(each.metrics()["top5"] for each in results),
        fmean(each.images_per_second for each in results),
        sum(each.count for each in results),
    )
