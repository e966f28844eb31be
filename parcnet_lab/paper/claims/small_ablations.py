"""Claim 6: multiplicative gates, and the contribution of each part (Tab. 6, supplement Tabs. 1, 2 and 3)."""

import dataclasses
import statistics
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from parcnet.plots.charts import charts
from parcnet.plots.intervals import Difference, IntervalChart
from parcnet_lab.paper.claims.crop_training import QUICK, CropRecipe, SmallNetwork, Trained, trained
from parcnet_lab.paper.claims.experiment import Drawing, Experiment, Note
from parcnet_lab.paper.claims.finding import ClaimFigure, ClaimOutcome
from parcnet_lab.paper.claims.photographs import NAMES
from parcnet_lab.paper.claims.settings import Settings
from parcnet_lab.paper.claims.verdicts import Interval, direction, paired, together

_SMALL = {"depths": (1, 1, 2, 1), "dims": (16, 48, 96, 160)}

_SECONDS_EACH = 14

BASELINE = SmallNetwork("baseline", "parcnetv2_xt", _SMALL)
NETWORKS = (
    BASELINE,
    *(
        SmallNetwork(name, f"parcnetv2_xt_{name}", _SMALL)
        for name in (
            "add",
            "no_oversized",
            "no_spatial_gate",
            "ffn",
            "late_oversized",
            "local_first",
            "local_between",
            "local_last",
            "no_res_scale",
        )
    ),
    SmallNetwork("convnext", "convnext_tiny_oversized", {**_SMALL, "mix": "local"}),
    SmallNetwork("convnext_oversized", "convnext_tiny_oversized", _SMALL),
    SmallNetwork("convnext_bgu", "convnext_tiny_bgu", _SMALL),
)
"""Registered networks with smaller depths and widths; their blocks are those of the full-size ones."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the paper finds better and worse, its source, and the ImageNet accuracies it prints."""

    name: str
    better: str
    worse: str
    source: str
    printed: str


COMPARISONS = (
    Comparison("gate: multiply over add", "baseline", "add", "suppl. Tab. 3", "79.4 / 68.4"),
    Comparison("oversized over none", "baseline", "no_oversized", "Tab. 6 row 1, suppl. Tab. 2", "79.4 / 78.9"),
    Comparison("spatial gate over none", "baseline", "no_spatial_gate", "Tab. 6 row 2", "79.4 / 79.2"),
    Comparison("channel gate over plain FFN", "baseline", "ffn", "Tab. 6 row 3", "79.4 / 79.1"),
    Comparison("uniform over late oversized", "baseline", "late_oversized", "Tab. 6 row 4", "79.4 / 79.2"),
    Comparison("parallel over 7x7 first", "baseline", "local_first", "suppl. Tab. 2", "79.4 / 78.4"),
    Comparison("parallel over 7x7 between", "baseline", "local_between", "suppl. Tab. 2", "79.4 / 77.4"),
    Comparison("parallel over 7x7 last", "baseline", "local_last", "suppl. Tab. 2", "79.4 / 78.6"),
    Comparison("ConvNeXt: oversized over none", "convnext_oversized", "convnext", "suppl. Tab. 1", "82.6 / 82.1"),
    Comparison("ConvNeXt: gates over none", "convnext_bgu", "convnext", "suppl. Tab. 1", "82.9 / 82.1"),
    Comparison("ResScale over none", "baseline", "no_res_scale", "Sec. 4.1", ""),
)


def recipe(settings: Settings) -> CropRecipe:
    """The recipe that all networks are trained with."""
    return QUICK if settings.quick else CropRecipe()


def measure(settings: Settings, note: Note) -> tuple[ClaimOutcome, list[Drawing]]:
    """Trains every network with every seed, and compares accuracies on the test regions seed by seed."""
    found: dict[str, list[Trained]] = {subject.name: [] for subject in NETWORKS}
    for seed in settings.every_seed:  # the outer loop, so that a seed's crops are made once
        for subject in NETWORKS:
            keep = subject is BASELINE  # claim 5 tests its weights at other sizes
            found[subject.name].append(trained(subject, seed, recipe(settings), settings.folder, keep=keep))
            note(_seconds_each(settings), f"{subject.name}, seed {seed}")
    return judge(found, recipe(settings))


def judge(found: dict[str, list[Trained]], used: CropRecipe) -> tuple[ClaimOutcome, list[Drawing]]:
    """The verdicts on each comparison and on the claim."""
    top1 = {name: [100 * each.top1 for each in results] for name, results in found.items()}
    step = 100 / (used.test_crops * len(NAMES))  # one crop, in points
    intervals = {each.name: paired(top1[each.better], top1[each.worse], step) for each in COMPARISONS}
    verdicts = {name: direction(each) for name, each in intervals.items()}
    figures = tuple(
        ClaimFigure(
            f"{each.name} ({each.source})",
            f"{statistics.fmean(top1[each.better]):.1f} against {statistics.fmean(top1[each.worse]):.1f} %",
            each.printed,
            intervals[each.name],
            verdicts[each.name],
        )
        for each in COMPARISONS
    )
    counts = Counter(verdicts.values())
    words = ", ".join(f"{counts[verdict]} {verdict}" for verdict in ("supported", "contradicted", "undecided"))
    because = (
        f"Of {len(COMPARISONS)} comparisons: {words}. {_against(intervals)} Chance is "
        f"{100 / len(NAMES):.1f} %. The networks have about 0.7M parameters and train on a few thousand crops, so this "
        "shows which differences are visible at small scale. It does not reproduce ImageNet, where the paper's "
        "differences are mostly about one point. At 95 %, one comparison in 20 is decided by chance."
    )
    data = {
        "photographs": NAMES,
        "recipe": dataclasses.asdict(used),
        "trainings": {name: [dataclasses.asdict(each) for each in results] for name, results in found.items()},
        "subjects": [dataclasses.asdict(subject) for subject in NETWORKS],
    }
    caption = (
        "Difference in accuracy on held-out regions, in points: mean (dot), single seeds (strokes) and the 95 % "
        "interval of Student's t over seeds. Right of zero agrees with the paper; at the edge, the paper's "
        "ImageNet top-1."
    )
    drawing = Drawing(caption, lambda path: _draw(path, intervals, top1))
    seconds = sum(each.seconds for results in found.values() for each in results)
    return ClaimOutcome(figures, together(verdicts.values()), because, data, seconds), [drawing]


def _against(intervals: dict[str, Interval]) -> str:
    """Names every comparison whose mean has the opposite sign of the paper's, decided or not."""
    means = {name: round(each.mean, 2) for name, each in intervals.items() if round(each.mean, 2) < 0}
    if not means:
        return "No mean has the opposite sign of the paper's."
    named = ", ".join(f"{name} ({mean:.2f} points)" for name, mean in sorted(means.items(), key=lambda each: each[1]))
    return f"The mean has the opposite sign of the paper's in {len(means)}: {named}."


def _seconds_each(settings: Settings) -> int:
    return 1 if settings.quick else _SECONDS_EACH


def _draw(path: Path, intervals: dict[str, Interval], top1: dict[str, list[float]]) -> None:
    rows = []
    for each in COMPARISONS:
        points = [a - b for a, b in zip(top1[each.better], top1[each.worse], strict=True)]
        interval = intervals[each.name]
        rows.append(Difference(each.name, interval.mean, interval.low, interval.high, points, each.printed))
    charts([IntervalChart(rows, "difference in top-1 (points)", "the choice of the paper over its alternative")], path)


EXPERIMENT = Experiment(
    number=6,
    title="Ablations at small scale",
    claim="Gates that multiply beat gates that add; each part of the network and the parallel order add accuracy.",
    source="ICCV 2023, Tab. 6 and Sec. 4.1; supplement, Tabs. 1, 2 and 3",
    experiment=(
        "Thirteen small networks made of the registered blocks learn which of 18 photographs a grey crop (96 to 224 "
        "px, shown at 96 px) comes from, and are tested on regions that no training crop touches. Networks of one "
        "seed see the same crops in the same order, and their accuracies are compared seed by seed."
    ),
    seconds=lambda settings: len(NETWORKS) * settings.seeds * _seconds_each(settings),
    measure=measure,
    recipe=lambda settings: dataclasses.asdict(recipe(settings)),
)
