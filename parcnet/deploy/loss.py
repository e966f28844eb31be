"""What int8 costs: accuracy on a labelled test set, and the parts of the network that the error comes from."""

import ast
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from parcnet.data import eval_loader, has_split, open_dataset
from parcnet.deploy.exported import Exported, file_input, open_exported
from parcnet.deploy.graph import SCOPES
from parcnet.deploy.plan import Plan
from parcnet.deploy.prepare import flattened
from parcnet.deploy.writing import write_graph
from parcnet.evaluation import evaluate

if TYPE_CHECKING:
    from onnx import ModelProto

QUANTISED = ("Conv", "Gemm", "MatMul")


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Top-1 of the network and of its int8 file on the same labelled images."""

    images: int
    network: float
    file: float

    def __str__(self) -> str:
        return f"top-1 {self.network:.2%} -> {self.file:.2%} ({self.images} images)"


def accuracy(planned: Plan, file: Exported, data_dir: str | None) -> Accuracy | None:
    """Both on the test split of `data_dir` (val where there is none); None where no labelled images are known."""
    metadata = planned.card.metadata
    if data_dir is None and metadata.data != "digits":
        return None
    split: Literal["test", "val"] = "test" if has_split(data_dir, "test") else "val"
    images = open_dataset(data_dir, split, metadata.classes)

    def network(batch: Tensor) -> Tensor:
        with torch.inference_mode():
            return planned.reference(torch.from_numpy(file_input(batch, planned.card)))

    found = []
    for predictor in (network, file):
        loader = eval_loader(images, transform=file.preprocessing.transform(), batch_size=32, workers=0)
        found.append(evaluate(predictor, loader, len(metadata.classes)))
    return Accuracy(found[0].count, found[0].top1, found[1].top1)


def parts(graph: "ModelProto") -> dict[str, list[str]]:
    """The nodes that int8 changes, by the stage of the network they belong to."""
    found: dict[str, list[str]] = {}
    for node in graph.graph.node:
        if node.op_type in QUANTISED:
            entries = {entry.key: entry.value for entry in node.metadata_props}
            found.setdefault(_part(entries.get(SCOPES, "")), []).append(node.name)
    return found


def responsible(
    planned: Plan,
    graph: "ModelProto",
    ranges: Tensor,
    images: Tensor,
    note: Callable[[int, str], None] = lambda _, __: None,
) -> list[tuple[str, float]]:
    """The share of int8's mean error that goes when one part alone stays in fp32, the largest first.

    Shares need not sum to 1: errors of different parts add up, or cancel. Negative: without it the rest is worse.
    """
    with torch.inference_mode():
        wanted = flattened(planned.reference(torch.from_numpy(file_input(images, planned.card))))[0]

    def error(left: list[str]) -> float:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"part{planned.request.suffix}"
            write_graph(graph, planned.request, planned.card.to_json(), path, ranges, left)
            return float((open_exported(path)(images) - wanted).abs().mean())

    whole = error([])
    shares = []
    for name, nodes in parts(graph).items():
        shares.append((name, 1 - error(nodes) / whole if whole else 0.0))
        note(1, name)
    return sorted(shares, key=lambda each: -each[1])


def _part(scopes: str) -> str:
    """`stages.2`, `stem` or `head` of a node, from the paths of the modules it lies in, printed as a list."""
    for path in ast.literal_eval(scopes or "[]"):
        words = path.removeprefix("network.").split(".")
        if words[0] == "stages" and len(words) > 1:
            return ".".join(words[:2])
        if words[0] in ("stem", "head"):
            return words[0]
    return "the rest"
