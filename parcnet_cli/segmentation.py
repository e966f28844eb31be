"""`parcnet eval` and `parcnet predict` for checkpoints of segmentation."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from parcnet.checkpoint import Metadata
    from parcnet.data import Preprocessing
    from parcnet.tasks.segmentation import Looks
    from parcnet_cli import predict
    from parcnet_cli.evaluate.command import command as evaluate

    _See = Callable[[torch.Tensor, tuple[int, int]], torch.Tensor]
    """(image [C, H, W], (h, w)) -> log probabilities [K, h, w]."""


def run_eval(asked: "evaluate.Arguments") -> int:
    """Evaluates and prints; exit code 0. Raises `UserError`."""
    from parcnet.base import UserError, pick_device, progress, table, warn
    from parcnet.data import Preprocessing, collate_lists, eval_loader
    from parcnet.tasks.segmentation.data import SegmentationEvaluation, has_label_maps, open_label_maps
    from parcnet.evaluation import torch_predictor
    from parcnet.tasks.segmentation.metrics import evaluate_segmentation
    from parcnet.plots import confusion
    from parcnet.recipes import Data
    from parcnet.tasks.loading import from_checkpoint
    from parcnet_cli.evaluate.command import counted_batches

    reading = Data(batch_size=asked.batch_size, workers=asked.workers, max_bad_images=asked.max_bad_images)
    device = pick_device(asked.device)
    network, metadata = from_checkpoint(asked.checkpoint)
    if asked.data_dir is None:
        raise UserError(f"{asked.checkpoint} segments images: say which with --data-dir DIR.")
    split = asked.split or ("test" if has_label_maps(asked.data_dir, "test") else "val")
    images = open_label_maps(asked.data_dir, split, metadata.task_args["reduce_zero_label"], metadata.classes)
    loader = eval_loader(
        images,
        transform=SegmentationEvaluation(Preprocessing.from_dict(metadata.preprocessing)),
        batch_size=reading.batch_size,
        workers=reading.workers,
        max_bad_images=reading.max_bad_images,
        collate=collate_lists,
    )
    looks = _looks(metadata, asked.multi_scale)
    with progress("evaluating", len(loader), "batches") as advance, torch_predictor(network.to(device), device) as see:
        result = evaluate_segmentation(see, counted_batches(loader, advance), len(metadata.classes), looks)
    absent = [name for name, seen in zip(metadata.classes, result.confusion.sum(1), strict=True) if not seen]
    if absent:
        warn(f"{len(absent)} of the checkpoint's {len(metadata.classes)} classes have no pixel in {split}/")
    scales = "multi-scale with flip" if asked.multi_scale else "single scale"
    iou = {name: None if each != each else float(each) for name, each in zip(metadata.classes, result.iou, strict=True)}
    if asked.as_json:
        said: dict[str, Any] = {"data": images.name, "split": split, "images": result.count, "scales": scales}
        print(json.dumps({**said, **result.metrics(), "iou": iou}, indent=2, ensure_ascii=False))
    else:
        rows = [(name, "-" if each is None else f"{each:.2%}") for name, each in iou.items()]
        table(f"{metadata.model} with UperNet on {images.name}, {split}, {scales}", ("class", "IoU"), rows)
        figures = [f"{value:.2%}" for value in (result.miou, result.macc, result.aacc)]
        columns = ("images", "mIoU", "mAcc", "aAcc", "loss (nats)", "images/s")
        rest = (f"{result.loss:.4f}", f"{result.images_per_second:.1f}")
        table("over all classes", columns, [(str(result.count), *figures, *rest)])
    if asked.confusion is not None:  # after the figures, which a full disk shall not take with it
        confusion(result.confusion, metadata.classes, asked.confusion)
    return 0


def run_predict(asked: "predict.Arguments") -> int:
    """Prints which classes cover how much of each image, and draws them; 1 when an image could not be read."""
    from parcnet.base import say
    from parcnet.plots.segmentation import segmentation_rows

    found: list[dict[str, Any]] = []
    rows = []
    with _opened(asked) as (see, preprocessing, metadata):
        for path in asked.images:
            row, told = _predicted(see, preprocessing, metadata, path, asked.k)
            found.append(told)
            if row is None:
                print(f"parcnet: {told['error']}", file=sys.stderr)
                continue
            rows.append(row)
            if not asked.as_json:
                print(path)
                for name, share in told["pixels"].items():
                    print(f"  {share:7.2%}  {name}")
    if asked.as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    if asked.save is not None and rows:
        segmentation_rows(rows, ("predicted",), metadata.classes, asked.save)
        if not asked.as_json:
            say(f"drawn in {asked.save}")
    return 1 if len(rows) < len(found) else 0


@contextmanager
def _opened(asked: "predict.Arguments") -> "Iterator[tuple[_See, Preprocessing, Metadata]]":
    """A checkpoint, or a file of `parcnet export`: how it sees, how it wants its images, what it says of itself."""
    from parcnet.base import pick_device
    from parcnet.data import Preprocessing
    from parcnet.deploy import format_of, open_exported
    from parcnet.tasks.segmentation.file_inference import look_through
    from parcnet.evaluation import torch_predictor
    from parcnet.tasks.loading import from_checkpoint
    from parcnet.tasks.segmentation import look

    if format_of(asked.checkpoint) is not None:
        file = open_exported(asked.checkpoint)
        looks = _looks(file.info.metadata)
        yield lambda image, size: look_through(file, image, looks, size), file.preprocessing, file.info.metadata
        return
    device = pick_device(asked.device)
    network, metadata = from_checkpoint(asked.checkpoint)
    preprocessing = Preprocessing.from_dict(metadata.preprocessing)
    with torch_predictor(network.to(device), device) as predictor:
        looks = _looks(metadata)
        yield lambda image, size: look(predictor, image, looks, size), preprocessing, metadata


def _predicted(
    see: "_See", preprocessing: "Preprocessing", metadata: "Metadata", path: Path, most: int
) -> tuple[Any, dict[str, Any]]:
    """(a row of the picture, JSON values) of one image, or (None, why not)."""
    import numpy as np

    from parcnet.data import BadImage, open_image
    from parcnet.tasks.segmentation.data import SegmentationEvaluation
    from parcnet.plots.segmentation import SegmentedRow

    try:
        image = open_image(path, channels=preprocessing.channels)
    except BadImage as error:
        return None, {"image": str(path), "error": str(error)}
    tensor = SegmentationEvaluation(preprocessing).image(image)
    labels = see(tensor, image.size[::-1]).argmax(0).cpu()
    counts = labels.flatten().bincount(minlength=len(metadata.classes))
    order = [index for index in counts.argsort(descending=True).tolist() if counts[index]][:most]
    pixels = {metadata.classes[index]: int(counts[index]) / labels.numel() for index in order}
    row = SegmentedRow(path.name, np.asarray(image.convert("RGB")), (labels.numpy(),))
    return row, {"image": str(path), "pixels": pixels}


def _looks(metadata: "Metadata", multi_scale: bool = False) -> "Looks":
    """How the checkpoint's recipe looks at an image; at six scales, each mirrored too, where asked for."""
    from dataclasses import replace

    from parcnet.tasks.segmentation import SCALES, Looks

    told = metadata.task_args["looks"]
    short, long = told["resize_to"]
    looks = Looks((short, long), told["inference"], tuple(told["window"]), tuple(told["stride"]))
    return replace(looks, scales=SCALES, flip=True) if multi_scale else looks
