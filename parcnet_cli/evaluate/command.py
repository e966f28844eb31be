"""`parcnet eval`: accuracy of a checkpoint."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import tyro

from parcnet_cli.common.arguments import parse
from parcnet_cli.common.pictures import check_picture

T = TypeVar("T")
Suite = Literal["imagenet-v2", "imagenet-r", "imagenet-a", "imagenet-sketch", "imagenet-c", "corruptions"]

_DESCRIPTION = """\
Measures a checkpoint on labelled images. Classification: top-1, top-5 and loss, classes matched by name. Segmentation:
mIoU, mAcc and aAcc over all pixels of the split, and the IoU of every class. Detection: COCO's average precision.

  parcnet eval runs/digits-...                           the embedded digits, test split
  parcnet eval best.safetensors --data-dir DIR           images in DIR/test/CLASS/, or DIR/val/CLASS/
  parcnet eval runs/mine --data-dir DIR --split val --confusion confusion.png
  parcnet eval runs/mine --suite corruptions --data-dir DIR --also runs/other --csv corruptions.csv
  parcnet eval runs/upernet-... --data-dir DIR           segmentation: DIR/images/val/*, DIR/annotations/val/*.png
  parcnet eval runs/upernet-... --data-dir DIR --multi-scale
  parcnet eval runs/mask_rcnn-... --data-dir COCO        detection: annotations/instances_val2017.json, val2017/
"""


@dataclass(frozen=True)
class Arguments:
    """What to evaluate, and on which images."""

    checkpoint: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT")]
    """A .safetensors file of ours, or a run folder (its best checkpoint)."""
    data_dir: str | None = None
    """Folder with SPLIT/CLASS/IMAGE, hfds/DIR or wds/DIR (`parcnet data --help`). None: the embedded digits."""
    split: Literal["train", "val", "test"] | None = None
    """Which part of the data. None: test if there is one, else val."""
    batch_size: int = 64
    """Images at a time; no figure depends on it."""
    workers: int = 0
    """Processes that read images; 0 reads in the main process."""
    max_bad_images: int = 0
    """Unreadable images that are named and left out before evaluation stops."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    confusion: Path | None = None
    """Draw which classes are taken for which into this file, e.g. confusion.png."""
    multi_scale: bool = False
    """Segmentation: average six scales from 0.5 to 1.75, each also mirrored, instead of one."""
    suite: Suite | None = None
    """Robustness: --data-dir is the unpacked data set; corruptions takes any labelled images and damages them here."""
    also: tuple[Path, ...] = ()
    """With --suite: more checkpoints, in the same table."""
    csv: Path | None = None
    """With --suite: every figure, in the columns of timm's result files."""
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """One JSON object instead of a table."""


def run(arguments: Sequence[str]) -> int:
    """Evaluates and prints; exit code 0. Raises `UserError`."""
    asked = parse(Arguments, "eval", _DESCRIPTION, arguments)

    # here, for the library takes seconds to load
    from parcnet.base import UserError
    from parcnet.checkpoint import read_metadata

    check_picture("--confusion", asked.confusion)
    if asked.suite is not None:
        return _suite(asked)
    if asked.also or asked.csv is not None:
        raise UserError("--also and --csv go with --suite.")
    task = read_metadata(asked.checkpoint).task
    if asked.multi_scale and task != "segmentation":
        raise UserError(f"--multi-scale is for segmentation; {asked.checkpoint} is a checkpoint of {task}.")
    return RUNNERS[task](asked)


def _classification(asked: Arguments) -> int:
    from parcnet.base import UserError, pick_device, progress, table, warn
    from parcnet.data import Preprocessing, eval_loader, has_split, open_dataset
    from parcnet.evaluation import evaluate, torch_predictor
    from parcnet.plots import confusion
    from parcnet.recipes import Data
    from parcnet_cli.common.classifiers import open_classifier

    # the same fields as in training, so the same limits
    reading = Data(batch_size=asked.batch_size, workers=asked.workers, max_bad_images=asked.max_bad_images)
    device = pick_device(asked.device)
    network, metadata = open_classifier(asked.checkpoint, asked.data_dir)
    split = asked.split or ("test" if has_split(asked.data_dir, "test") else "val")
    images = open_dataset(asked.data_dir, split, metadata.classes)
    loader = eval_loader(
        images,
        transform=Preprocessing.from_dict(metadata.preprocessing).transform(),
        batch_size=reading.batch_size,
        workers=reading.workers,
        max_bad_images=reading.max_bad_images,
    )
    with progress("evaluating", len(loader), "batches") as advance, torch_predictor(network.to(device), device) as see:
        result = evaluate(see, counted_batches(loader, advance), len(metadata.classes))
    if absent := int((result.seen == 0).sum()):
        warn(f"{absent} of the checkpoint's {len(metadata.classes)} classes have no image in {split}/")
    if asked.as_json:
        print(json.dumps({"data": images.name, "split": split, "images": result.count, **result.metrics()}, indent=2))
    else:
        columns = ("split", "images", "top-1", "top-5", "loss (nats)", "images/s")
        figures = (f"{result.top1:.2%}", f"{result.top5:.2%}", f"{result.loss:.4f}", f"{result.images_per_second:.0f}")
        table(f"{metadata.model} on {images.name}", columns, [(split, str(result.count), *figures)])
    if asked.confusion is not None:  # after the figures, which a full disk shall not take with it
        if result.confusion is None:
            raise UserError(f"--confusion: {len(metadata.classes)} classes are too many to count confusion of.")
        confusion(result.confusion, metadata.classes, asked.confusion)
    return 0


def _suite(asked: Arguments) -> int:
    from parcnet.base import UserError
    from parcnet_cli.evaluate.suites import run_suite

    if asked.confusion is not None or asked.as_json or asked.multi_scale:
        raise UserError("--suite has a table and --csv; --confusion, --json and --multi-scale do not go with it.")
    return run_suite(asked)


def _segmentation(asked: Arguments) -> int:
    from parcnet_cli.segmentation import run_eval

    return run_eval(asked)


def _detection(asked: Arguments) -> int:
    from parcnet_cli.detection import run_eval

    return run_eval(asked)


RUNNERS: dict[str, Callable[[Arguments], int]] = {
    "classification": _classification,
    "detection": _detection,
    "segmentation": _segmentation,
}
"""Task of the checkpoint -> what evaluates and prints it; exit code 0. Each raises `UserError`."""


def counted_batches(batches: Iterable[T], advance: Callable[[int, str], None]) -> Iterator[T]:
    """The batches, each counted when it is done."""
    for batch in batches:
        yield batch
        advance(1, "")
