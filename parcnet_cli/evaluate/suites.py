"""`parcnet eval --suite`: robustness of one checkpoint or of several, in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parcnet_cli.evaluate.command import Arguments


def run_suite(asked: Arguments) -> int:
    """Evaluates and prints; exit code 0. Raises `UserError`."""
    from parcnet.base import check_writable, pick_device, progress, say, table, write_text
    from parcnet.data import Preprocessing
    from parcnet.evaluation import torch_predictor
    from parcnet.evaluation.robustness import PartScore, csv_text, parts_of, score, summary
    from parcnet.recipes import Data
    from parcnet_cli.common.classifiers import open_classifier

    assert asked.suite is not None
    reading = Data(batch_size=asked.batch_size, workers=asked.workers, max_bad_images=asked.max_bad_images)
    if asked.csv is not None:
        check_writable(asked.csv)
    device = pick_device(asked.device)
    rows: list[tuple[dict[str, Any], PartScore]] = []
    printed: list[tuple[str, ...]] = []
    for path in (asked.checkpoint, *asked.also):
        network, metadata = open_classifier(path, asked.data_dir)
        preprocessing = Preprocessing.from_dict(metadata.preprocessing)
        parts = parts_of(asked.suite, asked.data_dir, asked.split, metadata.classes)
        found = []
        total = sum(len(part.images) for part in parts)
        with progress(str(path), total, "images") as advance, torch_predictor(network.to(device), device) as predictor:
            for part in parts:
                scored = score(
                    predictor,
                    preprocessing,
                    part,
                    batch_size=reading.batch_size,
                    workers=reading.workers,
                    max_bad_images=reading.max_bad_images,
                    advance=advance,
                )
                found.append(scored)
        about = {
            "model": metadata.model,
            "img_size": preprocessing.size[0],
            "param_count": f"{sum(each.numel() for each in network.parameters()) / 1e6:.2f}",
            "crop_pct": preprocessing.crop_pct,
            "interpolation": preprocessing.interpolation,
        }
        rows += [(about, scored) for scored in found]
        printed += [
            (str(path), name, str(count), f"{top1:.2%}", f"{top5:.2%}", f"{rate:.0f}")
            for name, top1, top5, rate, count in summary(found)
        ]
    table(asked.suite, ("checkpoint", "part", "images", "top-1", "top-5", "images/s"), printed)
    if asked.csv is not None:
        write_text(asked.csv, csv_text(rows))
        say(f"every figure: {asked.csv}")
    return 0
