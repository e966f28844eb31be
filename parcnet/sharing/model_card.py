"""The model card of published weights: use, accuracy, limits, training."""

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from parcnet.base.escaping import markdown, markdown_block, markdown_code
from parcnet.checkpoint import Metadata
from parcnet.tasks.task import Task

_LISTED_CLASSES = 20


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Contents of a model card; `markdown` renders it."""

    name: str
    """Of the published folder."""
    metadata: Metadata
    task: Task
    result: Mapping[str, Any]
    """The run's `result.json`; empty if there is none."""
    parameters: int
    license_name: str

    def markdown(self) -> str:
        """Markdown with the hub's front matter."""
        metadata = self.metadata
        front_matter = {
            "library_name": "timm",
            "pipeline_tag": "image-classification",
            "license": self.license_name,
            "tags": ["image-classification", "timm", "parcnet", metadata.model],
        }
        sections = (
            f"# {markdown(self.name)}",
            f"{markdown(metadata.model)} for {len(metadata.classes)} classes, trained on {markdown(metadata.data)} "
            "with parcnet. "
            "Architecture: ParCNet family (ParCNetV2, ICCV 2023, [arXiv:2211.07157](https://arxiv.org/abs/2211.07157)).",
            "## Use",
            self._use(),
            "## Accuracy",
            self._accuracy(),
            "## Limits",
            self._limits(),
            "## Training",
            self._training(),
        )
        return f"---\n{yaml.safe_dump(front_matter, sort_keys=False)}---\n\n" + "\n\n".join(sections) + "\n"

    def _use(self) -> str:
        source, command = f"local-dir:{self.name}", f"parcnet predict {shlex.quote(self.name)} photo.jpg"
        code = (
            "import timm\n"
            "import parcnet  # registers the network with timm\n\n"
            f"model = timm.create_model({json.dumps(source)}, pretrained=True).eval()\n"
            "transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))"
        )
        return (
            f"{markdown_block(code, 'python')}\n\nFrom the hub: {markdown_code(f'hf-hub:OWNER/{self.name}')}. "
            f"On the command line: {markdown_code(command)}."
        )

    def _accuracy(self) -> str:
        columns, images = self.task.metrics, self.result.get("images", {})
        rows = [
            (split, *(each.shown(metrics[each.name]) for each in columns), images.get(split, "?"))
            for split in ("val", "test")
            if (metrics := self.result.get(split))
        ]
        if not rows:
            recorded = ", ".join(f"{markdown(key)} {value:.4g}" for key, value in self.metadata.metrics.items())
            return f"Metrics in the checkpoint: {recorded or 'none'}. No test result was recorded."
        table = _table(("split", *(each.title for each in columns), "images"), rows)
        selection = (
            "The epoch was selected on val; test was evaluated once."
            if len(rows) == 2
            else "The epoch was selected on this split."
        )
        return f"{table}\n\n{selection} Command: {markdown_code(self.result.get('command', 'not recorded'))}."

    def _limits(self) -> str:
        metadata, (height, width) = self.metadata, self.metadata.preprocessing["size"]
        more = ", ..." if len(metadata.classes) > _LISTED_CLASSES else ""
        listed = ", ".join(map(markdown, metadata.classes[:_LISTED_CLASSES])) + more
        assigns = (
            f"assigns one of {len(metadata.classes)} classes ({listed}) to any image"
            if self.task.single_label
            else f"gives each of {len(metadata.classes)} classes ({listed}) an independent probability in any image"
        )
        return (
            f"The network {assigns}. It was trained on images of {height}x{width} px from "
            f"{markdown(metadata.data)}; accuracy at other sizes is not reported here. It inherits the bias of its "
            "data. It has not been evaluated for uses that affect people's rights or safety."
        )

    def _training(self) -> str:
        metadata, result = self.metadata, self.result
        facts = {
            "parameters": f"{self.parameters / 1e6:.2f}M",
            "epoch": metadata.epoch,
            "images": ", ".join(f"{count} {split}" for split, count in result.get("images", {}).items()),
            "time": f"{result['seconds']:.0f} s on {result['machine']}" if "seconds" in result else None,
            "versions": ", ".join(f"{key} {value}" for key, value in metadata.versions.items()),
            "created": metadata.created,
        }
        table = _table(("property", "value"), ((key, value) for key, value in facts.items() if value))
        recipe = yaml.safe_dump(metadata.recipe, sort_keys=False) if metadata.recipe else "not recorded\n"
        return f"{table}\n\nRecipe, for `parcnet train -c FILE`:\n\n{markdown_block(recipe, 'yaml')}"


def _table(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    header = list(header)
    cells = [[markdown(str(cell)) for cell in row] for row in (header, *rows)]
    lines = [cells[0], ["---"] * len(header), *cells[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
