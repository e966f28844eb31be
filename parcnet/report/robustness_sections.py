"""Sections on robustness to image size and to corruptions."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from parcnet.base.console import Advance
from parcnet.base.page import PagePicture, PageTable
from parcnet.data import ImageDataset
from parcnet.data.corruptions import CORRUPTIONS, corrupt
from parcnet.evaluation import Predictor, torch_predictor
from parcnet.explain.target_layers import stages
from parcnet.plots.lines import Line, LineChart
from parcnet.report.bounds import Bounds
from parcnet.report.evaluated_images import EvaluatedImages, batch_size, spread
from parcnet.report.run_record import RunRecord
from parcnet.report.section import Album, PictureCard, Section, first_line

_GROUPS = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur and compression": ("gaussian_blur", "pixelate", "jpeg"),
    "light": ("brightness", "contrast"),
}
_PERCENT = (0.0, 103.0)  # the full range, so that small drops look small


@dataclass(frozen=True, slots=True)
class Probes:
    """A subset of the evaluated images."""

    source: ImageDataset
    numbers: NDArray[np.int64]
    """Indices into `source`."""
    labels: NDArray[np.int64]
    names: str

    def images(self) -> Iterator[Image.Image]:
        """The images without preprocessing, read again on each call to save memory."""
        return (self.source.image(int(number)) for number in self.numbers)

    @property
    def chance(self) -> float:
        """Half width of a 95 % confidence interval of top-1, in points, at an accuracy of 50 %."""
        return 196 * 0.5 / len(self.labels) ** 0.5


def probes(evaluated: EvaluatedImages, limit: int) -> Probes:
    """At most `limit` of the images, evenly spaced."""
    chosen = spread(len(evaluated.numbers), limit)
    return Probes(
        evaluated.images,
        evaluated.numbers[chosen],
        evaluated.labels[chosen],
        f"{len(chosen):,} {evaluated.split} images",
    )


def work(bounds: Bounds, count: int) -> int:
    """Number of images that `sizes` and `corruptions` evaluate, weighted by their pixels."""
    return round(
        count * (sum(factor**2 for factor in bounds.factors) + len(bounds.corruptions) * len(bounds.severities))
    )


def sizes(
    run: RunRecord, subset: Probes, bounds: Bounds, device: torch.device, album: Album, advance: Advance
) -> Section:
    """Top-1 at other image sizes."""
    slug, title = "sizes", "Robustness to image size"
    preprocessing = run.explained.preprocessing
    coarsest = max((stage.reduction for stage in stages(run.explained.model)), default=1)
    step = max(1, min(coarsest, *(side // 4 for side in preprocessing.size)))  # smaller steps for tiny images
    accuracy: dict[tuple[int, int], float] = {}
    failed: list[str] = []
    with torch_predictor(run.explained.model.to(device), device) as predict:
        for factor in bounds.factors:
            height, width = (max(step, round(factor * side / step) * step) for side in preprocessing.size)
            size = preprocessing.size if factor == 1 else (height, width)
            advance(round(factor**2 * len(subset.labels)), f"{size[0]} x {size[1]} px")
            if size in accuracy:
                continue
            transform = replace(preprocessing, size=size).transform()
            try:
                accuracy[size] = _top1(predict, map(transform, subset.images()), subset.labels, batch_size(run))
            except (AssertionError, ValueError, RuntimeError) as error:  # networks with a fixed input size
                failed.append(f"{size[0]} x {size[1]} px: the network does not support it ({first_line(error)}).")
    ordered = sorted(accuracy)
    percent = [100 * accuracy[size] for size in ordered]
    rows = [
        (f"{size[0]} x {size[1]}" + (" (as trained)" if size == preprocessing.size else ""), f"{value:.2f} %")
        for size, value in zip(ordered, percent, strict=True)
    ]
    chart = LineChart(
        {"top-1": Line([size[0] for size in ordered], percent)},
        "height of the image, px",
        "top-1, %",
        "accuracy by image size",
        ticks=[size[0] for size in ordered],
        y_range=_PERCENT,
    )
    alt = (
        "Line chart. Top-1 by image height: "
        + ", ".join(f"{size[0]} px {accuracy[size]:.1%}" for size in ordered)
        + "."
    )
    text = [
        f"Top-1 of the same weights on {subset.names} at other sizes than the training size of {preprocessing.size[0]} "
        f"x {preprocessing.size[1]} px; oversized kernels are resized with the feature maps. Differences below "
        f"{subset.chance:.0f} points are within the sampling error."
    ]
    table = PageTable("accuracy by image size", ("size, px", "top-1"), rows)
    return Section(slug, title, text, failed, [table], pictures=[album.chart(chart, alt)])


def corruptions(
    run: RunRecord, subset: Probes, bounds: Bounds, device: torch.device, album: Album, advance: Advance
) -> Section:
    """Top-1 under each corruption at each severity."""
    cropping, scaling = run.explained.preprocessing.cropping(), run.explained.preprocessing.scaling()
    cropped = [cropping(image) for image in subset.images()]
    accuracy: dict[str, list[float]] = {}
    with torch_predictor(run.explained.model.to(device), device) as predict:
        clean = _top1(predict, map(scaling, cropped), subset.labels, batch_size(run))
        for name in bounds.corruptions:
            accuracy[name] = []
            for severity in bounds.severities:
                corrupted = (scaling(corrupt(image, name, severity, seed)) for seed, image in enumerate(cropped))
                accuracy[name].append(_top1(predict, corrupted, subset.labels, batch_size(run)))
                advance(len(cropped), f"{CORRUPTIONS[name].title} {severity}")
    rows = [
        (CORRUPTIONS[name].title, *(f"{100 * value:.1f} %" for value in values)) for name, values in accuracy.items()
    ]
    means = np.mean(list(accuracy.values()), axis=0)
    rows.append(("mean", *(f"{100 * value:.1f} %" for value in means)))
    columns = ("corruption", *(f"severity {severity}" for severity in bounds.severities))
    pictures = []
    for group, names in _GROUPS.items():
        curves = {
            CORRUPTIONS[name].title: Line([0, *bounds.severities], [100 * value for value in (clean, *accuracy[name])])
            for name in names
            if name in accuracy
        }
        if curves:
            pictures.append(_chart(group, curves, bounds, album))
    worst = min(accuracy, key=lambda name: accuracy[name][-1])
    text = [
        f"Top-1 on {subset.names} by severity; {clean:.2%} without corruption. Images are corrupted at the network's "
        "input size. Corruptions and strengths follow ImageNet-C at 224 px and CIFAR-10-C at 32 px, but the figures "
        f"are not comparable with theirs. Lowest at severity {bounds.severities[-1]}: {CORRUPTIONS[worst].title}, "
        f"{accuracy[worst][-1]:.1%}. Differences below {subset.chance:.0f} points are within the sampling error."
    ]
    table = PageTable("accuracy by corruption and severity", columns, rows)
    cards = [_examples(cropped[0], bounds, album)]
    return Section("corruptions", "Robustness to corruptions", text, (), [table], cards, pictures)


def _chart(group: str, curves: dict[str, Line], bounds: Bounds, album: Album) -> PagePicture:
    chart = LineChart(
        curves, "severity (0: no corruption)", "top-1, %", group, [0, *bounds.severities], y_range=_PERCENT
    )
    changes = "; ".join(f"{name} from {line.y[0]:.1f} to {line.y[-1]:.1f} %" for name, line in curves.items())
    return album.chart(chart, f"Line chart of top-1 by severity, {group}: {changes}.")


def _examples(image: Image.Image, bounds: Bounds, album: Album) -> PictureCard:
    """One image under every corruption at the highest severity."""
    severity = bounds.severities[-1]
    shown = {"original": image}
    for name in bounds.corruptions:
        shown[CORRUPTIONS[name].title] = corrupt(image, name, severity)
    pictures = [album.photograph(np.asarray(each), f"The first image: {words}", words) for words, each in shown.items()]
    return PictureCard(f"Corruptions at severity {severity}", "At the network's input size.", pictures)


def _top1(predict: Predictor, tensors: Iterable[Tensor], labels: NDArray[Any], batch: int) -> float:
    correct = 0
    for start, images in _batches(tensors, batch):
        correct += int((predict(images).argmax(-1).cpu().numpy() == labels[start : start + len(images)]).sum())
    return correct / len(labels)


def _batches(tensors: Iterable[Tensor], batch: int) -> Iterator[tuple[int, Tensor]]:
    iterator, start = iter(tensors), 0
    while chunk := list(islice(iterator, batch)):
        yield start, torch.stack(chunk)
        start += len(chunk)
