"""`parcnet eval`: metrics of a checkpoint."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from parcnet_cli.common.arguments import parse
from parcnet_cli.common.pictures import check_picture
from parcnet_cli.evaluate.options import EvaluationOptions
from parcnet_cli.evaluate.suites import run_suite

if TYPE_CHECKING:
    from parcnet.checkpoint import Metadata
    from parcnet.tasks.predictor import Predictor
    from parcnet.tasks.task import Task

T = TypeVar("T")

_DESCRIPTION = """\
Evaluates a checkpoint on labelled images, with the metrics of its task; classes are matched by name.

  parcnet eval runs/digits-...                           the embedded digits, test split
  parcnet eval best.safetensors --data-dir DIR           DIR as `parcnet train --data-dir` takes it
  parcnet eval runs/mine --data-dir DIR --split val --confusion confusion.png
  parcnet eval runs/mine --data-dir DIR --multi-scale    multi-scale testing, for tasks that define it
  parcnet eval runs/mine --suite corruptions --data-dir DIR --also runs/other --csv corruptions.csv
  parcnet eval net.onnx --data-dir DIR                   a file of `parcnet export`, in its own runtime
"""


def run(arguments: Sequence[str]) -> int:
    """Evaluates a checkpoint and prints its metrics; exit code 0. Raises `UserError`."""
    options = parse(EvaluationOptions, "eval", _DESCRIPTION, arguments)
    check_picture("--confusion", options.confusion)
    if options.suite is not None:
        return run_suite(options)

    # here, because the library takes seconds to load
    from parcnet.base import UserError, pick_device
    from parcnet.deploy import format_of, open_exported
    from parcnet.evaluation import torch_predictor
    from parcnet.tasks.loading import load_checkpoint

    if options.also or options.csv is not None:
        raise UserError("--also and --csv need --suite.")
    if format_of(options.checkpoint) is not None:
        return _evaluate(options, *open_exported(options.checkpoint).task_predictor())
    device = pick_device(options.device)
    loaded = load_checkpoint(options.checkpoint)
    with torch_predictor(loaded.network.to(device), device) as predictor:
        return _evaluate(options, loaded.task, predictor, loaded.metadata)


def _evaluate(options: EvaluationOptions, task: "Task", predictor: "Predictor", metadata: "Metadata") -> int:
    from parcnet.base import UserError, json_text, progress, table, warn
    from parcnet.evaluation import evaluation_batches
    from parcnet.recipes import Data

    # the recipe's section checks the values
    reading = Data(batch_size=options.batch_size, workers=options.workers, max_bad_images=options.max_bad_images)
    if options.multi_scale:
        metadata = task.multi_scale(metadata)
    split = options.split or ("test" if task.has_split(options.data_dir, "test") else "val")
    images = task.open_images(options.data_dir, split, metadata)
    batches = evaluation_batches(
        task,
        images,
        metadata,
        batch_size=reading.batch_size,
        workers=reading.workers,
        max_bad_images=reading.max_bad_images,
    )
    with progress("evaluating", len(batches), "batches") as advance:
        scores = task.evaluate(predictor, _with_progress(batches, advance), metadata)
    for sentence in task.warnings(scores, metadata, split):
        warn(sentence)
    if options.as_json:
        about = {"data": images.name, "split": split, "images": scores.count}
        values = {**about, **scores.metrics(), **task.score_values(scores, metadata)}
        print(json_text(values, 2))
    else:
        for each in task.score_tables(scores, metadata, images.name, split):
            table(each.title, each.columns, each.rows)
    if options.confusion is not None:  # after the metrics, so that a full disk does not lose them
        from parcnet.plots import confusion

        if scores.confusion is None:
            raise UserError(
                f"--confusion: {task.name} with {len(metadata.classes)} classes has no confusion matrix; leave it out."
            )
        confusion(scores.confusion, metadata.classes, options.confusion)
    return 0


def _with_progress(batches: Iterable[T], advance: Callable[[int, str], None]) -> Iterator[T]:
    """The batches; each advances the progress bar once it has been evaluated."""
    for batch in batches:
        yield batch
        advance(1, "")
