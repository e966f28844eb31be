"""Figures of several networks on the parts of a suite, as timm's result files have them."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from parcnet.evaluation.robustness.score import Scored

_COLUMNS = ("model", "img_size", "top1", "top1_err", "top5", "top5_err", "param_count", "crop_pct", "interpolation")
"""timm's, in its order; what is ours comes after them."""
_OURS = ("dataset", "samples", "samples_per_sec")


def csv_text(rows: Iterable[tuple[Mapping[str, Any], Scored]]) -> str:
    """One line for each (network, part). A network is described by model, img_size, param_count (millions), crop_pct
    and interpolation; top-1 and top-5 are percentages.
    """
    written = io.StringIO()
    writer = csv.DictWriter(written, (*_COLUMNS, *_OURS), lineterminator="\n")
    writer.writeheader()
    for network, scored in rows:
        result = scored.result
        percent = {"top1": 100 * result.top1, "top5": 100 * result.top5}
        errors = {f"{name}_err": 100 - value for name, value in percent.items()}
        figures = {name: f"{value:.3f}" for name, value in {**percent, **errors}.items()}
        rate = f"{result.images_per_second:.1f}"
        writer.writerow(
            {**network, **figures, "dataset": scored.part, "samples": result.count, "samples_per_sec": rate}
        )
    return written.getvalue()


def summary(found: Sequence[Scored]) -> list[tuple[str, float, float, float, int]]:
    """(name, top-1, top-5, images a second, images), parts `CORRUPTION SEVERITY` averaged to one row each.

    With damaged parts a last row holds the mean over all of them, each corruption and severity counting the same.
    """
    groups: dict[str, list[Scored]] = {}
    for scored in found:
        name, _, severity = scored.part.rpartition(" ")
        groups.setdefault(name if severity.isdigit() else scored.part, []).append(scored)
    rows = [(name, *_means(members)) for name, members in groups.items()]
    damaged = [scored for scored in found if scored.part.rpartition(" ")[2].isdigit()]
    return [*rows, ("mean over corruptions and severities", *_means(damaged))] if damaged else rows


def _means(members: Sequence[Scored]) -> tuple[float, float, float, int]:
    results = [each.result for each in members]
    return (
        fmean(each.top1 for each in results),
        fmean(each.top5 for each in results),
        fmean(each.images_per_second for each in results),
        sum(each.count for each in results),
    )
