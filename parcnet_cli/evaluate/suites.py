"""`parcnet eval --suite`: robustness of one or more checkpoints in one table."""

from typing import TYPE_CHECKING, Any

from parcnet_cli.common.classifiers import open_classifier
from parcnet_cli.evaluate.options import EvaluationOptions

if TYPE_CHECKING:
    from parcnet.evaluation.robustness import PartScore


def run_suite(options: EvaluationOptions) -> int:
    """Evaluates each checkpoint on the suite and prints a table; exit code 0. Raises `UserError`."""
    from rich.markup import escape

    from parcnet.base import UserError, check_writable, pick_device, progress, say, table, write_text
    from parcnet.data import Preprocessing
    from parcnet.evaluation import torch_predictor
    from parcnet.evaluation.robustness import csv_text, mean_corruption_error, parts_of, score, summary
    from parcnet.recipes import Data

    if options.confusion is not None or options.as_json or options.multi_scale:
        raise UserError("--suite prints a table and writes --csv; leave --confusion, --json and --multi-scale out.")
    assert options.suite is not None
    reading = Data(batch_size=options.batch_size, workers=options.workers, max_bad_images=options.max_bad_images)
    if options.csv is not None:
        check_writable(options.csv)
    device = pick_device(options.device)
    rows: list[tuple[dict[str, Any], PartScore]] = []
    printed: list[tuple[str, ...]] = []
    errors: list[tuple[str, str]] = []
    for path in (options.checkpoint, *options.also):
        loaded = open_classifier(path, options.data_dir)
        network, metadata = loaded.network, loaded.metadata
        preprocessing = Preprocessing.from_dict(metadata.preprocessing)
        parts = parts_of(options.suite, options.data_dir, options.split, metadata.classes)
        scores = []
        total = sum(len(part.images) for part in parts)
        with progress(str(path), total, "images") as advance, torch_predictor(network.to(device), device) as predictor:
            for part in parts:
                part_score = score(
                    loaded.task,
                    predictor,
                    metadata,
                    part,
                    batch_size=reading.batch_size,
                    workers=reading.workers,
                    max_bad_images=reading.max_bad_images,
                    advance=advance,
                )
                scores.append(part_score)
        about = {
            "model": metadata.model,
            "img_size": preprocessing.size[0],
            "param_count": f"{sum(each.numel() for each in network.parameters()) / 1e6:.2f}",
            "crop_pct": preprocessing.crop_pct,
            "interpolation": preprocessing.interpolation,
        }
        rows += [(about, part_score) for part_score in scores]
        error = mean_corruption_error(scores) if options.suite == "imagenet-c" else None
        errors += [] if error is None else [(str(path), f"{error:.2%}")]
        printed += [
            (str(path), name, str(count), f"{top1:.2%}", f"{top5:.2%}", f"{rate:.0f}")
            for name, top1, top5, rate, count in summary(scores)
        ]
    table(options.suite, ("checkpoint", "part", "images", "top-1", "top-5", "images/s"), printed)
    if errors:
        table("mCE: top-1 errors relative to AlexNet's (arXiv:1903.12261)", ("checkpoint", "mCE"), errors)
    elif options.suite == "imagenet-c":
        say("no mCE: it needs the 15 corruptions of ImageNet-C, each at five severities")
    if options.csv is not None:
        write_text(options.csv, csv_text(rows))
        say(f"all metrics: {escape(str(options.csv))}")
    return 0
