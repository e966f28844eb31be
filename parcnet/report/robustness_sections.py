"""Accuracy when images are of another size than in training, and when they are corrupted."""

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
from parcnet.report.section import Album, Card, Section, first_line

_GROUPS = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur and compression": ("gaussian_blur", "pixelate", "jpeg"),
    "light": ("brightness", "contrast"),
}
_SHARES = (0.0, 103.0)  # the whole range, so that a fall by a point does not look like one by all


@dataclass(frozen=True, slots=True)
class Probes:
    """Some of the images that were evaluated at."""

    source: ImageDataset
    numbers: NDArray[np.int64]
    """Which of its images."""
    labels: NDArray[np.int64]
    names: str

    def images(self) -> Iterator[Image.Image]:
        """As they are; read anew each time, because hundreds of photographs fill a memory."""
        return (self.source.image(int(number)) for number in self.numbers)

    @property
    def chance(self) -> float:
        """Points of top-1 that two figures on so many images may differ by luck: a 95 % interval at 50 %."""
        return 196 * 0.5 / len(self.labels) ** 0.5


def probes(evaluated: EvaluatedImages, limit: int) -> Probes:
    """At most `limit` of the images, spread evenly."""
    places = spread(len(evaluated.numbers), limit)
    return Probes(
        evaluated.images,
        evaluated.numbers[places],
        evaluated.labels[places],
        f"{len(places):,} {evaluated.split} images",
    )


def work(bounds: Bounds, count: int) -> int:
    """Images that `sizes` and `corruptions` show the network, one of another size counting by its pixels."""
    return round(
        count * (sum(factor**2 for factor in bounds.factors) + len(bounds.corruptions) * len(bounds.severities))
    )


def sizes(
    run: RunRecord, seen: Probes, bounds: Bounds, device: torch.device, album: Album, advance: Advance
) -> Section:
    """Top-1 at other image sizes."""
    slug, title = "sizes", "Robustness to image size"
    preprocessing = run.explained.preprocessing
    coarsest = max((stage.reduction for stage in stages(run.explained.model)), default=1)
    step = max(1, min(coarsest, *(side // 4 for side in preprocessing.size)))  # tiny images would all be one step
    found: dict[tuple[int, int], float] = {}
    refused: list[str] = []
    with torch_predictor(run.explained.model.to(device), device) as see:
        for factor in bounds.factors:
            height, width = (max(step, round(factor * side / step) * step) for side in preprocessing.size)
            size = preprocessing.size if factor == 1 else (height, width)
            advance(round(factor**2 * len(seen.labels)), f"{size[0]} x {size[1]} px")
            if size in found:
                continue
            transform = replace(preprocessing, size=size).transform()
            try:
                found[size] = _top1(see, map(transform, seen.images()), seen.labels, batch_size(run))
            except (AssertionError, ValueError, RuntimeError) as error:  # networks that are built for one size
                refused.append(f"{size[0]} x {size[1]} px: the network refuses ({first_line(error)}).")
    ordered = sorted(found)
    shares = [100 * found[size] for size in ordered]
    rows = [
        (f"{size[0]} x {size[1]}" + (" (as trained)" if size == preprocessing.size else ""), f"{share:.2f} %")
        for size, share in zip(ordered, shares, strict=True)
    ]
    chart = LineChart(
        {"top-1": Line([size[0] for size in ordered], shares)},
        "height of the image, px",
        "top-1, %",
        "accuracy by image size",
        ticks=[size[0] for size in ordered],
        y_range=_SHARES,
    )
    alt = "Line chart. Top-1 by image height: " + ", ".join(f"{size[0]} px {found[size]:.1%}" for size in ordered) + "."
    text = [
        f"Top-1 of the same weights on {seen.names} at other sizes than the {preprocessing.size[0]} x "
        f"{preprocessing.size[1]} px they were trained at; oversized kernels are resized with the maps. Two figures "
        f"that differ by less than {seen.chance:.0f} points may differ by chance."
    ]
    table = PageTable("accuracy by image size", ("size, px", "top-1"), rows)
    return Section(slug, title, text, refused, [table], pictures=[album.chart(chart, alt)])


def corruptions(
    run: RunRecord, seen: Probes, bounds: Bounds, device: torch.device, album: Album, advance: Advance
) -> Section:
    """Top-1 under each corruption in each severity."""
    cropping, scaling = run.explained.preprocessing.cropping(), run.explained.preprocessing.scaling()
    cropped = [cropping(image) for image in seen.images()]
    found: dict[str, list[float]] = {}
    with torch_predictor(run.explained.model.to(device), device) as see:
        clean = _top1(see, map(scaling, cropped), seen.labels, batch_size(run))
        for name in bounds.corruptions:
            found[name] = []
            for severity in bounds.severities:
                damaged = (scaling(corrupt(image, name, severity, seed)) for seed, image in enumerate(cropped))
                found[name].append(_top1(see, damaged, seen.labels, batch_size(run)))
                advance(len(cropped), f"{CORRUPTIONS[name].title} {severity}")
    rows = [(CORRUPTIONS[name].title, *(f"{100 * share:.1f} %" for share in shares)) for name, shares in found.items()]
    means = np.mean(list(found.values()), axis=0)
    rows.append(("mean", *(f"{100 * share:.1f} %" for share in means)))
    columns = ("corruption", *(f"severity {severity}" for severity in bounds.severities))
    pictures = []
    for group, names in _GROUPS.items():
        curves = {
            CORRUPTIONS[name].title: Line([0, *bounds.severities], [100 * share for share in (clean, *found[name])])
            for name in names
            if name in found
        }
        if curves:
            pictures.append(_chart(group, curves, bounds, album))
    worst = min(found, key=lambda name: found[name][-1])
    text = [
        f"Top-1 on {seen.names}, {clean:.2%} without corruption, by severity. Images are corrupted at the size the "
        "network sees. Kinds and strengths are those of ImageNet-C at 224 px and of CIFAR-10-C at 32 px; the figures "
        f"are not comparable with theirs. Hardest at severity {bounds.severities[-1]}: {CORRUPTIONS[worst].title}, "
        f"{found[worst][-1]:.1%}. Two figures that differ by less than {seen.chance:.0f} points may differ by chance."
    ]
    table = PageTable("accuracy by corruption and severity", columns, rows)
    cards = [_examples(cropped[0], bounds, album)]
    return Section("corruptions", "Robustness to corruptions", text, (), [table], cards, pictures)


def _chart(group: str, curves: dict[str, Line], bounds: Bounds, album: Album) -> PagePicture:
    chart = LineChart(
        curves, "severity (0: the image itself)", "top-1, %", group, [0, *bounds.severities], y_range=_SHARES
    )
    falls = "; ".join(f"{name} from {line.y[0]:.1f} to {line.y[-1]:.1f} %" for name, line in curves.items())
    return album.chart(chart, f"Line chart of top-1 by severity, {group}: {falls}.")


def _examples(image: Image.Image, bounds: Bounds, album: Album) -> Card:
    """One image under every corruption at the highest severity."""
    severity = bounds.severities[-1]
    shown = {"the image": image}
    for name in bounds.corruptions:
        shown[CORRUPTIONS[name].title] = corrupt(image, name, severity)
    pictures = [album.photograph(np.asarray(each), f"The first image: {words}", words) for words, each in shown.items()]
    return Card(f"What severity {severity} looks like", "As the network sees it.", pictures)


def _top1(see: Predictor, tensors: Iterable[Tensor], labels: NDArray[Any], batch: int) -> float:
    right = 0
    for start, images in _batches(tensors, batch):
        right += int((see(images).argmax(-1).cpu().numpy() == labels[start : start + len(images)]).sum())
    return right / len(labels)


def _batches(tensors: Iterable[Tensor], batch: int) -> Iterator[tuple[int, Tensor]]:
    iterator, start = iter(tensors), 0
    while several := list(islice(iterator, batch)):
        yield start, torch.stack(several)
        start += len(several)
