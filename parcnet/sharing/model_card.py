"""The model card: what people must know of weights before they use them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from parcnet.checkpoint import Metadata

_SHOWN = 20  # classes named on the card


@dataclass(frozen=True, slots=True)
class Card:
    """What the card is made from."""

    metadata: Metadata
    result: Mapping[str, Any]
    """The run's `result.json`; empty where there is none."""
    parameters: int
    license_name: str


def card(about: Card, name: str) -> str:
    """Markdown with the hub's front matter."""
    metadata = about.metadata
    front = {
        "library_name": "timm",
        "pipeline_tag": "image-classification",
        "license": about.license_name,
        "tags": ["image-classification", "timm", "parcnet", metadata.model],
    }
    sections = (
        f"# {name}",
        f"{metadata.model} for {len(metadata.classes)} classes, trained on {metadata.data} with "
        "parcnet. Network: ParCNet family (ParCNetV2, ICCV 2023, "
        "[arXiv:2211.07157](https://arxiv.org/abs/2211.07157)).",
        "## Use",
        _use(name),
        "## Accuracy",
        _accuracy(about),
        "## Limits",
        _limits(about),
        "## How it was made",
        _made(about),
    )
    return f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n\n" + "\n\n".join(sections) + "\n"


def _use(name: str) -> str:
    return (
        "```python\n"
        "import timm\n"
        "import parcnet  # registers the network with timm\n\n"
        f'model = timm.create_model("local-dir:{name}", pretrained=True).eval()\n'
        "transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))\n"
        "```\n\n"
        f"From the hub: `hf-hub:OWNER/{name}`. On the command line: `parcnet predict {name} photo.jpg`."
    )


def _accuracy(about: Card) -> str:
    rows = [
        (split, figures["top1"], figures["top5"], figures["loss"], about.result.get("images", {}).get(split, "?"))
        for split in ("val", "test")
        if (figures := about.result.get(split))
    ]
    if not rows:
        metrics = ", ".join(f"{key} {value:.4g}" for key, value in about.metadata.metrics.items())
        return f"Of the checkpoint: {metrics or 'nothing was recorded'}. Nobody wrote down a test."
    table = _table(
        ("split", "top-1", "top-5", "loss (nats)", "images"),
        ((split, f"{top1:.2%}", f"{top5:.2%}", f"{loss:.4f}", images) for split, top1, top5, loss, images in rows),
    )
    chosen = (
        "The epoch was chosen on val; test was looked at once." if len(rows) == 2 else "The epoch was chosen on it."
    )
    return f"{table}\n\n{chosen} Command: `{about.result.get('command', 'not recorded')}`."


def _limits(about: Card) -> str:
    metadata, size = about.metadata, about.metadata.preprocessing["size"]
    shown = ", ".join(metadata.classes[:_SHOWN]) + (", ..." if len(metadata.classes) > _SHOWN else "")
    return (
        f"It knows {len(metadata.classes)} classes ({shown}) and gives one of them for any picture. It was trained on "
        f"images of {size[0]}x{size[1]} px of {metadata.data}; how good it is at other sizes is not on this card. Bias "
        "of the data is bias of the network. Nothing here was tested for uses that touch people's rights or safety."
    )


def _made(about: Card) -> str:
    metadata, result = about.metadata, about.result
    facts = {
        "parameters": f"{about.parameters / 1e6:.2f}M",
        "epoch": metadata.epoch,
        "images": ", ".join(f"{count} {split}" for split, count in result.get("images", {}).items()),
        "time": f"{result['seconds']:.0f} s on {result['machine']}" if "seconds" in result else None,
        "versions": ", ".join(f"{key} {value}" for key, value in metadata.versions.items()),
        "made": metadata.created,
    }
    table = _table(("what", "value"), ((key, value) for key, value in facts.items() if value))
    recipe = yaml.safe_dump(metadata.recipe, sort_keys=False) if metadata.recipe else "not recorded\n"
    return f"{table}\n\nRecipe (`parcnet train -c FILE` takes it):\n\n```yaml\n{recipe}```"


def _table(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
