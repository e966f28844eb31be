"""`parcnet predict`: predictions for image files."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from parcnet_cli.common.arguments import parse
from parcnet_cli.common.pictures import check_picture

if TYPE_CHECKING:
    from parcnet.checkpoint import Metadata
    from parcnet.tasks.predictor import Predictor
    from parcnet.tasks.task import Task

_DESCRIPTION = """\
Predicts image files with a checkpoint of any task: classes with probabilities, the classes of pixels, or objects with
boxes and masks. For tasks that localise, --save draws the predictions. Unreadable files are reported and skipped, and
the exit code is then 1.

  parcnet predict runs/digits-... photo.jpg
  parcnet predict best.safetensors images/*.png -k 3 --json > predictions.json
  parcnet predict digits.onnx photo.jpg                  a file of `parcnet export`, in its own runtime
  parcnet predict runs/mine photo.jpg --save picture.png
"""


@dataclass(frozen=True)
class PredictionOptions:
    """The checkpoint and the images."""

    checkpoint: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT")]
    """A .safetensors file of ours, a run folder (its best checkpoint), or an exported file."""
    images: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IMAGE...")]
    """Image files of any format, mode and size that Pillow reads."""
    k: Annotated[int, tyro.conf.arg(aliases=["-k"], name="top")] = 5
    """Number of classes to list."""
    save: Path | None = None
    """Draw the predictions over the images into this file, e.g. picture.png."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """One JSON list, an object for each image."""


def run(arguments: Sequence[str]) -> int:
    """Predicts and prints; exit code 0, or 1 when an image could not be read. Raises `UserError`."""
    options = parse(PredictionOptions, "predict", _DESCRIPTION, arguments)

    # here, because the library takes seconds to load
    from parcnet.base import UserError, pick_device
    from parcnet.deploy import format_of, open_exported
    from parcnet.evaluation import torch_predictor
    from parcnet.tasks.loading import load_checkpoint

    if not options.images:
        raise UserError("no image given: parcnet predict CHECKPOINT IMAGE...")
    if options.k < 1:
        raise UserError(f"-k is {options.k}; expected at least 1 class.")
    check_picture("--save", options.save)
    if format_of(options.checkpoint) is not None:
        if options.device not in ("auto", "cpu"):
            raise UserError(
                f"--device {options.device} does not go with {options.checkpoint}: exported files run on the CPU."
            )
        file = open_exported(options.checkpoint)
        if not file.info.metadata.classes:
            returned = ", ".join(file.info.outputs)
            raise UserError(f"{options.checkpoint} returns {returned}, no classes: run it in its own runtime.")
        return _predict(options, *file.task_predictor())
    device = pick_device(options.device)
    loaded = load_checkpoint(options.checkpoint)
    with torch_predictor(loaded.network.to(device), device) as predictor:
        return _predict(options, loaded.task, predictor, loaded.metadata)


def _predict(options: PredictionOptions, task: "Task", predictor: "Predictor", metadata: "Metadata") -> int:
    from rich.markup import escape

    from parcnet.base import json_text, say
    from parcnet.base.escaping import one_line
    from parcnet.evaluation import PredictedImage, UnreadableImage, predict

    if options.save is not None:
        task.check_drawable(metadata)
    results: list[PredictedImage | UnreadableImage] = []
    for result in predict(task, predictor, metadata, options.images, options.k):
        results.append(result)
        if isinstance(result, UnreadableImage):
            print(f"parcnet: {result.reason}", file=sys.stderr)
        elif not options.as_json:
            print(one_line(str(result.path)))
            for line in result.prediction.lines():
                print(f"  {one_line(line)}")
    if options.as_json:
        print(json_text([result.to_dict() for result in results], 2))
    drawn = [(each.path, each.image, each.prediction) for each in results if isinstance(each, PredictedImage)]
    if options.save is not None and drawn:
        task.draw_predictions(drawn, metadata, options.save)
        if not options.as_json:
            say(f"drawn in {escape(str(options.save))}")
    return 1 if any(isinstance(result, UnreadableImage) for result in results) else 0
