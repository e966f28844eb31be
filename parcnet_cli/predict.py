"""`parcnet predict`: what a checkpoint sees in image files."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from parcnet_cli.arguments import parse

_DESCRIPTION = """\
Prints the likeliest classes of image files, with probabilities. An unreadable file is named and the rest go on;
the exit code is then 1.

  parcnet predict runs/digits-... photo.jpg
  parcnet predict best.safetensors images/*.png -k 3 --json > predictions.json
"""


@dataclass(frozen=True)
class Arguments:
    """Which checkpoint, which images."""

    checkpoint: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT")]
    """A .safetensors file of ours, or a run folder (its best checkpoint)."""
    images: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IMAGE...")]
    """Image files of any format, mode and size that Pillow reads."""
    k: Annotated[int, tyro.conf.arg(aliases=["-k"], name="top")] = 5
    """How many classes."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """One JSON list, an object for each image."""


def run(arguments: Sequence[str]) -> int:
    """Predicts and prints; exit code 0, or 1 when an image could not be read. Raises `UserError`."""
    asked = parse(Arguments, "predict", _DESCRIPTION, arguments)

    # here, for the library takes seconds to load
    from parcnet.base import UserError, pick_device
    from parcnet.data import Preprocessing
    from parcnet.evaluation import Failure, Prediction, predict, torch_predictor
    from parcnet.models import from_checkpoint

    if not asked.images:
        raise UserError("no image given: parcnet predict CHECKPOINT IMAGE...")
    if asked.k < 1:
        raise UserError(f"-k is {asked.k}; expected at least 1 class.")
    device = pick_device(asked.device)
    network, metadata = from_checkpoint(asked.checkpoint)
    preprocessing = Preprocessing.from_dict(metadata.preprocessing)
    answers: list[Prediction | Failure] = []
    with torch_predictor(network.to(device), device) as predictor:
        for answer in predict(predictor, preprocessing, metadata.classes, asked.images, asked.k):
            answers.append(answer)
            if isinstance(answer, Failure):
                print(f"parcnet: {answer.reason}", file=sys.stderr)
            elif not asked.as_json:
                print(answer.path)
                for name, probability in answer.top:
                    print(f"  {probability:7.2%}  {name}")
    if asked.as_json:
        print(json.dumps([answer.to_dict() for answer in answers], indent=2, ensure_ascii=False))
    return 1 if any(isinstance(answer, Failure) for answer in answers) else 0
