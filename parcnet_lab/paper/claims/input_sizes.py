"""Claim 5: inference at other sizes than the training size (Sec. 3.1, Adaptability to multi-scale input)."""

import copy
import dataclasses
import statistics
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from parcnet.models import ParCNetV2
from parcnet.plots.charts import charts
from parcnet.plots.lines import Line, LineChart
from parcnet_lab.paper.claims import small_ablations
from parcnet_lab.paper.claims.crop_training import CropRecipe, SmallNetwork, answers, kept
from parcnet_lab.paper.claims.crops import held_out_crops, resized
from parcnet_lab.paper.claims.experiment import Drawing, Experiment, Note
from parcnet_lab.paper.claims.finding import ClaimFigure, ClaimOutcome
from parcnet_lab.paper.claims.photographs import NAMES
from parcnet_lab.paper.claims.result_cache import cache_path, cached
from parcnet_lab.paper.claims.settings import Settings
from parcnet_lab.paper.claims.verdicts import Verdict, direction, paired, together

Size = tuple[int, int]
Scores = dict[Size, list[float]]
"""(height, width) in px -> top-1 in percent, one a seed."""

SQUARES: tuple[Size, ...] = tuple((side, side) for side in (64, 80, 96, 112, 128, 160, 192))
OBLONGS: tuple[Size, ...] = ((96, 192), (192, 96), (64, 144), (144, 64), (96, 144), (144, 96))
MODES = ("interpolate", "fixed", "set_input_size")
_SECONDS_EACH = 25
_REVISION = 1  # to be raised when this file changes what is measured of a seed


def measure(settings: Settings, note: Note) -> tuple[ClaimOutcome, list[Drawing]]:
    """The baseline networks of claim 6 on the same test crops, shown at other sizes and aspect ratios."""
    recipe = small_ablations.recipe(settings)
    every = (*SQUARES, *OBLONGS)
    scores: dict[str, Scores] = {mode: {size: [] for size in every} for mode in MODES}
    apart, seconds = 0.0, 0.0
    for seed in settings.every_seed:
        path = cache_path(settings.folder, f"sizes-seed{seed}", [_REVISION, seed, dataclasses.asdict(recipe), every])
        found = cached(path, partial(_of_seed, seed, settings))
        for mode in MODES:
            for size, top1 in zip(every, found["top1"][mode], strict=True):
                scores[mode][size].append(top1)
        apart, seconds = max(apart, found["apart"]), seconds + found["seconds"]
        note(_seconds_each(settings), f"sizes, seed {seed}")
    return _judge(scores, apart, recipe, seconds)


def _of_seed(seed: int, settings: Settings) -> dict[str, Any]:
    """Top-1 in percent by mode, a value a size, and the difference between fitting kernels on each call and once."""
    started = time.perf_counter()
    recipe = small_ablations.recipe(settings)
    trained = kept(small_ablations.BASELINE, seed, recipe, settings.folder)
    crops, labels = held_out_crops(recipe.test_crops)
    top1: dict[str, list[float]] = {mode: [] for mode in MODES}
    apart = 0.0
    for size in (*SQUARES, *OBLONGS):
        images = resized(crops, *size)
        logits = {mode: answers(_shown(trained, mode, size, recipe), images) for mode in MODES}
        for mode, each in logits.items():
            top1[mode].append(100 * (each.argmax(1) == labels).float().mean().item())
        each_call, once = logits["interpolate"], logits["set_input_size"]
        apart = max(apart, ((each_call - once).abs().max() / each_call.abs().max()).item())
    return {"top1": top1, "apart": apart, "seconds": time.perf_counter() - started}


def _judge(
    scores: dict[str, Scores], apart: float, recipe: CropRecipe, seconds: float
) -> tuple[ClaimOutcome, list[Drawing]]:
    trained_at = (recipe.size, recipe.size)
    others = [size for size in SQUARES if size != trained_at]
    means = {
        mode: {name: _mean(scores[mode], chosen) for name, chosen in (("other squares", others), ("oblong", OBLONGS))}
        for mode in MODES
    }
    step = 100 / (recipe.test_crops * len(NAMES))  # one crop more or less, in points
    intervals = {name: paired(means["interpolate"][name], means["fixed"][name], step) for name in means["fixed"]}
    verdicts = {name: direction(each) for name, each in intervals.items()}
    at_home = _mean(scores["interpolate"], [trained_at])
    figures = (
        ClaimFigure(f"at the training size, {recipe.size} px", f"{statistics.fmean(at_home):.1f} %, in every mode"),
        *(
            ClaimFigure(
                f"{name}: interpolated over fixed kernels",
                f"{statistics.fmean(means['interpolate'][name]):.1f} against "
                f"{statistics.fmean(means['fixed'][name]):.1f} %",
                interval=each,
                verdict=verdicts[name],
            )
            for name, each in intervals.items()
        ),
        ClaimFigure(
            "set_input_size against interpolation on each call",
            f"logits differ by at most {apart:.1g} of the largest, on {len(SQUARES) + len(OBLONGS)} sizes",
        ),
    )
    because = (
        f"{_outcome(verdicts.values())} The claim is that zooming the kernels adapts the network to other sizes. The "
        "alternative keeps the trained taps, as the published detection and segmentation results do. The same crops "
        "are shown at every size, so away from the training size objects are larger or smaller than in training."
    )
    data = {
        mode: [{"height": h, "width": w, "top1": found} for (h, w), found in each.items()]
        for mode, each in scores.items()
    }
    caption = (
        f"Accuracy on held-out regions over the size that crops are shown at; trained at {recipe.size} px only. "
        "Bands: the seeds' range. Oblong crops show the middle part of the square ones."
    )
    drawing = Drawing(caption, lambda path: _draw(path, scores))
    kept_data = {"trained_at": trained_at, **data}
    return ClaimOutcome(figures, together(verdicts.values()), because, kept_data, seconds), [drawing]


def _outcome(verdicts: Iterable[Verdict]) -> str:
    return {
        "supported": "Interpolated kernels are more accurate than fixed ones, on other squares and on oblong maps.",
        "contradicted": "Fixed kernels are more accurate than interpolated ones, on other squares or on oblong maps.",
    }.get(together(verdicts), "No difference between interpolated and fixed kernels is certain everywhere.")


def _shown(trained: nn.Module, mode: str, size: Size, recipe: CropRecipe) -> nn.Module:
    """The trained network, set up for images of another size."""
    if mode == "interpolate":
        return trained
    if mode == "fixed":
        subject = SmallNetwork(
            "fixed", small_ablations.BASELINE.network, {**small_ablations.BASELINE.model_args, "kernel_fit": "fixed"}
        )
        other = subject.build(recipe)
        other.load_state_dict(trained.state_dict())
        return other.eval()
    adapted = copy.deepcopy(trained)
    assert isinstance(adapted, ParCNetV2)
    adapted.set_input_size(size)
    return adapted


def _mean(scores: Scores, sizes: "list[Size] | tuple[Size, ...]") -> list[float]:
    """The mean over sizes, one a seed."""
    return [statistics.fmean(each) for each in zip(*(scores[size] for size in sizes), strict=True)]


def _seconds_each(settings: Settings) -> int:
    return 3 if settings.quick else _SECONDS_EACH


def _draw(path: Path, scores: dict[str, Scores]) -> None:
    def curve(found: Scores, sizes: tuple[Size, ...], places: list[float]) -> Line:
        chosen = [found[size] for size in sizes]
        return Line(
            places,
            [statistics.fmean(each) for each in chosen],
            [min(each) for each in chosen],
            [max(each) for each in chosen],
        )

    sides = [float(height) for height, _ in SQUARES]
    squares = {mode: curve(found, SQUARES, sides) for mode, found in scores.items() if mode != "set_input_size"}
    once = curve(scores["set_input_size"], SQUARES, sides)
    squares["set_input_size"] = Line(once.x, once.y, dashed=True)
    ratios = tuple(sorted(OBLONGS, key=lambda size: size[0] / size[1]))
    steps = [float(place) for place in range(len(ratios))]
    oblongs = {mode: curve(found, ratios, steps) for mode, found in scores.items() if mode != "set_input_size"}
    names = tuple(f"{height}\nx{width}" for height, width in ratios)
    charts(
        [
            LineChart(squares, "side of the square, px", "top-1 (%)", "squares", sides),
            LineChart(oblongs, "height x width, px", "top-1 (%)", "other aspect ratios", steps, names=names),
        ],
        path,
    )


EXPERIMENT = Experiment(
    number=5,
    title="Image sizes other than that of training",
    claim="Kernels zoomed by linear interpolation handle other resolutions and learn scale-invariant features.",
    source="ICCV 2023, Sec. 3.1, Adaptability to multi-scale input",
    experiment=(
        "The baseline networks of claim 6, trained at 96 px, are tested at other sizes and aspect ratios with "
        "interpolated kernels, with fixed ones, and after `set_input_size`. The accuracies are compared seed by "
        "seed."
    ),
    seconds=lambda settings: settings.seeds * _seconds_each(settings),
    measure=measure,
    recipe=lambda settings: dataclasses.asdict(small_ablations.recipe(settings)),
)
