"""`parcnet predict`: what a checkpoint sees in image files."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from parcnet_cli.common.arguments import parse
from parcnet_cli.common.pictures import check_picture

if TYPE_CHECKING:
    from parcnet.data import Preprocessing
    from parcnet.evaluation import Predictor

_DESCRIPTION = """\
Says what a checkpoint sees in image files. Classification prints the likeliest classes with probabilities; segmentation
which classes cover how much of the image, and draws them; detection objects with scores and boxes, and draws them with
their masks. An unreadable file is named and the rest go on; the exit code is then 1.

  parcnet predict runs/digits-... photo.jpg
  parcnet predict best.safetensors images/*.png -k 3 --json > predictions.json
  parcnet predict digits.onnx photo.jpg                  a file of `parcnet export`, in its own runtime
  parcnet predict runs/upernet-... photo.jpg --save picture.png
  parcnet predict runs/mask_rcnn-... photo.jpg --save picture.png
"""


@dataclass(frozen=True)
class Arguments:
    """Which checkpoint, which images."""

    checkpoint: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT")]
    """A .safetensors file of ours, a run folder (its best checkpoint), or an exported file."""
    images: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IMAGE...")]
    """Image files of any format, mode and size that Pillow reads."""
    k: Annotated[int, tyro.conf.arg(aliases=["-k"], name="top")] = 5
    """How many classes."""
    save: Path | None = None
    """Draw what is seen over the images into this file, e.g. picture.png; not of classification."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """One JSON list, an object for each image."""


def run(arguments: Sequence[str]) -> int:
    """Predicts and prints; exit code 0, or 1 when an image could not be read. Raises `UserError`."""
    asked = parse(Arguments, "predict", _DESCRIPTION, arguments)

    # here, for the library takes seconds to load
    from parcnet.base import UserError
    from parcnet.checkpoint import read_metadata

    if not asked.images:
        raise UserError("no image given: parcnet predict CHECKPOINT IMAGE...")
    if asked.k < 1:
        raise UserError(f"-k is {asked.k}; expected at least 1 class.")
    check_picture("--save", asked.save)
    from parcnet.deploy import format_of

    if format_of(asked.checkpoint) is not None:
        return _exported(asked)
    task = read_metadata(asked.checkpoint).task
    return RUNNERS[task](asked)


def refuse_drawing(asked: Arguments) -> None:
    """Raises `UserError` where a picture of whole images' classes is asked for."""
    from parcnet.base import UserError

    if asked.save is not None:
        raise UserError(f"--save draws where things are; {asked.checkpoint} classifies whole images: leave it out.")


def _classification(asked: Arguments) -> int:
    from parcnet.base import pick_device
    from parcnet.data import Preprocessing
    from parcnet.evaluation import torch_predictor
    from parcnet.models import from_checkpoint

    refuse_drawing(asked)
    device = pick_device(asked.device)
    network, metadata = from_checkpoint(asked.checkpoint)
    preprocessing = Preprocessing.from_dict(metadata.preprocessing)
    with torch_predictor(network.to(device), device) as predictor:
        return _classified(asked, predictor, preprocessing, metadata.classes)


def _exported(asked: Arguments) -> int:
    from parcnet.base import UserError
    from parcnet.deploy import open_exported

    if asked.device not in ("auto", "cpu"):
        raise UserError(f"--device {asked.device} does not go with {asked.checkpoint}: exported files run on the CPU.")
    file = open_exported(asked.checkpoint)
    if file.info.metadata.task != "classification":
        return RUNNERS[file.info.metadata.task](asked)
    refuse_drawing(asked)
    if not file.info.metadata.classes:
        returned = ", ".join(file.info.outputs)
        raise UserError(f"{asked.checkpoint} returns {returned}, no classes: run it in its own runtime.")
    return _classified(asked, file, file.preprocessing, file.info.metadata.classes)


def _classified(
    asked: Arguments, predictor: "Predictor", preprocessing: "Preprocessing", classes: Sequence[str]
) -> int:
    from parcnet.evaluation import Failure, Prediction
    from parcnet.evaluation import predict

    answers: list[Prediction | Failure] = []
    for answer in predict(predictor, preprocessing, classes, asked.images, asked.k):
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


def _segmentation(asked: Arguments) -> int:
    from parcnet_cli.segmentation import run_predict

    return run_predict(asked)


def _detection(asked: Arguments) -> int:
    from parcnet_cli.detection import run_predict

    return run_predict(asked)


RUNNERS: dict[str, Callable[[Arguments], int]] = {
    "classification": _classification,
    "detection": _detection,
    "segmentation": _segmentation,
}
"""Task of the checkpoint -> what predicts and prints; exit code 0, or 1 when an image could not be read."""
