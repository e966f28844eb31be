"""`parcnet bench loader`: whether data loading keeps up with training."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from parcnet_cli.bench.measurement import MeasurementOptions, make_result, prepare, report_result
from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Times reading, decoding, augmentation and collation of images on one core, the training loader with several numbers of
worker processes, and a training step: does the loader keep up? Images are read from memory, not from a disk.

  parcnet bench loader                                    the photographs of scikit-learn: a minute on two cores
  parcnet bench loader --data-dir DIR --recipe RECIPE     your images, your augmentation
"""


@dataclass(frozen=True)
class BenchLoaderOptions(MeasurementOptions):
    """Which images, augmentation and numbers of workers."""

    data_dir: str | None = None
    """Folder with train/CLASS/IMAGE. None: copies of the two photographs of scikit-learn."""
    recipe: str = "imagenet1k_tiny"
    """Recipe of augmentation, image size and network: a packaged name or a YAML file."""
    workers: tuple[int, ...] = (0, 1, 2)
    """Numbers of worker processes to try."""
    images: int = 512
    """Copies of the photographs, without --data-dir."""
    seconds: float = 6.0
    """Time budget of the stages, and of the training step."""


def run(arguments: Sequence[str]) -> int:
    """Measures and prints; exit code 0. Raises `UserError`."""
    options = parse(BenchLoaderOptions, "bench loader", _DESCRIPTION, arguments)
    device, dtype = prepare(options)

    from parcnet.base import UserError, progress
    from parcnet.recipes import Data, read_recipe
    from parcnet_lab.bench import loader_throughput

    recipe = read_recipe(options.recipe)
    for number in options.workers:
        Data(workers=number)  # the same limits as in training
    if options.images < 64:
        raise UserError(f"--images is {options.images}; expected at least 64.")
    source = loader_throughput.photographs(options.images) if options.data_dir is None else nullcontext()
    with source as made, progress("timing the loader", 2 + len(options.workers), "measurements") as advance:
        images = made or loader_throughput.open_files(options.data_dir or "")
        rows = loader_throughput.stages(images, recipe, 64, options.seconds)
        advance(1, "stages")
        rows += loader_throughput.throughput(images, recipe, options.workers, advance)
        rows.append(loader_throughput.training_rate(recipe, device, dtype, options.seconds))
    return report_result(options, make_result(options, "loader", arguments, device, rows, {"recipe": options.recipe}))
