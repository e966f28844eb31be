"""`parcnet eval` and `parcnet predict` for checkpoints of detection."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from parcnet.tasks.detection import Found
    from parcnet_cli import predict
    from parcnet_cli.evaluate.command import command as evaluate

    _See = Callable[[Tensor], dict[str, Tensor]]
    """An image [3, H, W], uint8 -> the detection."""

SHOWN_SCORE = 0.5
"""Detections below it are counted in AP, but neither printed nor drawn."""
_AT_ONCE = 4
"""Images whose maps are in memory together: they may be 800 x 1333 px."""


def run_eval(asked: "evaluate.Arguments") -> int:
    """Evaluates and prints COCO's statistics of boxes and masks; exit code 0. Raises `UserError`."""
    from parcnet.base import UserError, pick_device, progress, table
    from parcnet.data import collate_lists, eval_loader
    from parcnet.tasks.detection.coco import AsItIs, has_coco_split, open_coco
    from parcnet.evaluation import evaluate_detection, torch_predictor
    from parcnet.recipes import Data
    from parcnet.tasks.loading import from_checkpoint
    from parcnet_cli.evaluate.command import counted_batches

    reading = Data(batch_size=asked.batch_size, workers=asked.workers, max_bad_images=asked.max_bad_images)
    if asked.confusion is not None:
        raise UserError(f"--confusion is for one class an image; {asked.checkpoint} finds objects: leave it out.")
    if asked.data_dir is None:
        raise UserError(f"{asked.checkpoint} finds objects: say in which images with --data-dir DIR.")
    device = pick_device(asked.device)
    network, metadata = from_checkpoint(asked.checkpoint)
    split = asked.split or ("test" if has_coco_split(asked.data_dir, "test") else "val")
    images = open_coco(asked.data_dir, split, metadata.classes)
    loader = eval_loader(
        images,
        transform=AsItIs(),
        batch_size=min(reading.batch_size, _AT_ONCE),
        workers=reading.workers,
        max_bad_images=reading.max_bad_images,
        collate=collate_lists,
    )
    with progress("evaluating", len(loader), "batches") as advance, torch_predictor(network.to(device), device) as see:
        result = evaluate_detection(see, counted_batches(loader, advance))
    if asked.as_json:
        said = {"data": images.name, "split": split, "images": result.count}
        print(json.dumps({**said, **result.metrics()}, indent=2))
        return 0
    rows = [
        (name, *(f"{part[name]:.2%}" if name in part else "-" for part in (result.boxes, result.masks)))
        for name in dict.fromkeys((*result.boxes, *result.masks))
    ]
    title = f"{metadata.model} with {metadata.task_args['detector']} on {images.name}, {split}: {result.count} images"
    table(f"{title}, {result.images_per_second:.2g} a second", ("COCO's", "boxes", "masks"), rows)
    return 0


def run_predict(asked: "predict.Arguments") -> int:
    """Prints what is found in each image, and draws it; 1 when an image could not be read. Raises `UserError`."""
    import numpy as np

    from parcnet.base import say
    from parcnet.data import BadImage, open_image
    from parcnet.tasks.detection.coco import AsItIs, Instances
    from parcnet.plots import DrawnInstances, draw_instances
    from parcnet.tasks.detection import found_in

    told: list[dict[str, Any]] = []
    pictures: list[tuple[Any, DrawnInstances]] = []
    with _opened(asked) as (see, classes):
        for path in asked.images:
            try:
                image = open_image(path)
            except BadImage as error:
                print(f"parcnet: {error}", file=sys.stderr)
                told.append({"image": str(path), "error": str(error)})
                continue
            pixels, _ = AsItIs()(image, Instances())
            found = found_in(see(pixels), classes, SHOWN_SCORE)
            told.append(_told(path, found))
            if asked.save is not None:
                drawn = DrawnInstances(found.boxes, found.masks, found.names, found.scores, found.kinds)
                pictures.append((np.asarray(image), drawn))
            if not asked.as_json:
                _print(path, found)
    if asked.as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    if asked.save is not None and pictures:
        draw_instances(pictures, asked.save)
        if not asked.as_json:
            say(f"drawn in {asked.save}")
    return 1 if any("error" in each for each in told) else 0


@contextmanager
def _opened(asked: "predict.Arguments") -> "Iterator[tuple[_See, Sequence[str]]]":
    """A checkpoint, or a file of `parcnet export`: how it sees, and its classes."""
    from parcnet.base import pick_device
    from parcnet.deploy import format_of, open_exported
    from parcnet.tasks.detection.file_inference import detect_through
    from parcnet.evaluation import torch_predictor
    from parcnet.tasks.loading import from_checkpoint

    if format_of(asked.checkpoint) is not None:
        file = open_exported(asked.checkpoint)
        yield lambda image: detect_through(file, image), file.info.metadata.classes
        return
    device = pick_device(asked.device)
    network, metadata = from_checkpoint(asked.checkpoint)
    with torch_predictor(network.to(device), device) as predictor:
        yield lambda image: predictor([image])[0], metadata.classes


def _print(path: Path, found: "Found") -> None:
    print(path)
    for name, score, (x1, y1, x2, y2) in zip(found.names, found.scores, found.boxes, strict=True):
        print(f"  {score:7.2%}  {name}  x {x1:.0f} to {x2:.0f}, y {y1:.0f} to {y2:.0f} px")
    if not found.names:
        print(f"  nothing with a score of {SHOWN_SCORE:.0%} or more")


def _told(path: Path, found: "Found") -> dict[str, Any]:
    """JSON values; masks as COCO's run lengths."""
    import numpy as np

    from parcnet.tasks.detection.coco import encode

    rows = zip(found.names, found.scores, found.boxes, found.masks, strict=True)
    return {
        "image": str(path),
        "found": [
            {"class": name, "score": score, "box": list(box), "mask": encode(mask.astype(np.uint8))}
            for name, score, box, mask in rows
        ],
    }
