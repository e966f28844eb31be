"""What int8 costs: accuracy on a labelled test set, and the parts of the network that the error comes from."""

import math
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from parcnet.deploy.export_plan import ExportPlan
from parcnet.deploy.exported_predictor import ExportedPredictor, file_input, open_exported
from parcnet.deploy.onnx_graph import quantised_layers
from parcnet.deploy.prepare import flattened
from parcnet.deploy.writers import write_graph
from parcnet.evaluation import evaluation_batches
from parcnet.tasks.exported_file import for_file

if TYPE_CHECKING:
    from onnx import ModelProto

MOST = 6
"""Parts at a time of which each is tried in fp32."""

_STAGE = re.compile(r"(.*\.)?(stages[._]\d+|stem)(?=\.|$)")


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Top-1 of the network and of its int8 file on the same labelled images."""

    images: int
    network: float
    file: float

    def __str__(self) -> str:
        return f"top-1 {self.network:.2%} -> {self.file:.2%} ({self.images} images)"


def accuracy(planned: ExportPlan, file: ExportedPredictor, data_dir: str | None) -> Accuracy | None:
    """Both on the test split of `data_dir` (val where there is none); None where no labelled images are known.

    Of classifiers; None for other tasks.
    """
    metadata = planned.info.metadata
    task = planned.task
    if not task.single_label or (data_dir is None and metadata.data != "digits"):
        return None
    split: Literal["test", "val"] = "test" if task.has_split(data_dir, "test") else "val"
    images = task.open_images(data_dir, split, metadata)

    def network(batch: Tensor) -> Tensor:
        with torch.inference_mode():
            return planned.reference(torch.from_numpy(file_input(batch, planned.info)))

    fed = for_file(metadata, file)
    before, after = (
        task.evaluate(predictor, evaluation_batches(task, images, fed, batch_size=32), fed)
        for predictor in (network, file)
    )
    return Accuracy(before.count, before.metrics()["top1"], after.metrics()["top1"])


@dataclass(frozen=True, slots=True)
class Responsible:
    """The share of int8's mean error that goes when one part alone stays in fp32, the largest first.

    Shares need not sum to 1: errors of different parts add up, or cancel. Negative: without it the rest is worse.
    """

    stages: tuple[tuple[str, float], ...]
    """Of the stem, the stages, the head; of other networks their outermost modules."""
    layers: tuple[tuple[str, float], ...]
    """Of the blocks, or else the convolutions, of the first of `stages` that is more than one."""


def responsible(
    planned: ExportPlan,
    graph: "ModelProto",
    ranges: Tensor,
    images: Tensor,
    note: Callable[[int, str], None] = lambda _, __: None,
) -> Responsible:
    """Which parts of an int8 file its error comes from: the stages, then the layers of the worst.

    Each part is left in fp32 in a file of its own, at most 2 `MOST` of them; note(1, part) is called for each.
    """
    with torch.inference_mode():
        wanted = flattened(planned.reference(torch.from_numpy(file_input(images, planned.info))))[0]

    def error(left: Sequence[str]) -> float:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"part{planned.request.suffix}"
            write_graph(graph, planned.request, planned.info.to_json(), path, ranges, left)
            return float((open_exported(path)(images) - wanted).abs().mean())

    whole = error([])

    def shares(groups: Mapping[str, list[str]]) -> tuple[tuple[str, float], ...]:
        found = []
        for name, nodes in groups.items():
            found.append((name, 1 - error(nodes) / whole if whole else 0.0))
            note(1, name)
        return tuple(sorted(found, key=lambda each: -each[1]))

    layers = quantised_layers(graph)
    stages = joined(layers, stage_of)
    ranked = shares(stages)
    for stage, _ in ranked:
        inside = divided({path: names for path, names in layers.items() if names[0] in stages[stage]})
        if inside:
            return Responsible(ranked, shares(inside))
    return Responsible(ranked, ())


def stage_of(path: str) -> str:
    """The stage that a layer belongs to, or the stem, also of a backbone; else its outermost module."""
    found = _STAGE.match(path)
    return found.group() if found else path.partition(".")[0]


def joined(layers: Mapping[str, list[str]], part: Callable[[str], str]) -> dict[str, list[str]]:
    """Layers, path -> nodes, joined by the part that each belongs to.

    More than `MOST` parts are joined with their neighbours, and called by the first and the last of them.
    """
    found: dict[str, list[str]] = {}
    for path, nodes in layers.items():
        found.setdefault(part(path), []).extend(nodes)
    parts, size = list(found), math.ceil(len(found) / MOST)
    runs = [parts[start : start + size] for start in range(0, len(parts), size)]
    return {
        run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}": [node for part in run for node in found[part]]
        for run in runs
    }


def divided(layers: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Layers joined by as few words of their paths as tell them apart; empty for a single layer."""
    deepest = max(path.count(".") for path in layers) + 1
    for depth in range(1, deepest + 1):
        found = joined(layers, partial(_first_words, depth))
        if len(found) > 1:
            return found
    return {}


def _first_words(depth: int, path: str) -> str:
    return ".".join(path.split(".")[:depth])
