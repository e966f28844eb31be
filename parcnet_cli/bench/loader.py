"""`parcnet bench loader`: whether reading images keeps up with training."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from parcnet_cli.bench.arguments import Common
from parcnet_cli.bench.command import finish, prepare, result_of
from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Times reading, decoding, augmenting and collating of images on one core, the training loader with several numbers of
worker processes, and a training step beside them: does the loader keep up? Images come from memory, not from a disk.

  parcnet bench loader                                    photographs that come with scikit-learn: a minute on two cores
  parcnet bench loader --data-dir DIR --recipe RECIPE     your images, your augmentation
"""


@dataclass(frozen=True)
class Loader(Common):
    """Which images, how augmented, by how many."""

    data_dir: str | None = None
    """Folder with train/CLASS/IMAGE. None: copies of the two photographs that come with scikit-learn."""
    recipe: str = "imagenet1k_tiny"
    """Whose augmentation, size and network: a packaged name or a YAML file."""
    workers: tuple[int, ...] = (0, 1, 2)
    """Numbers of worker processes to try."""
    images: int = 512
    """Copies of the photographs, when there is no --data-dir."""
    seconds: float = 6.0
    """Budget of the stages, and of the training step."""


def run(arguments: Sequence[str]) -> int:
    """Measures and prints; exit code 0. Raises `UserError`."""
    asked = parse(Loader, "bench loader", _DESCRIPTION, arguments)
    device, dtype = prepare(asked)

    from parcnet.base import UserError, progress
    from parcnet.recipes import Data, read_recipe
    from parcnet_lab.bench import loader_throughput

    recipe = read_recipe(asked.recipe)
    for number in asked.workers:
        Data(workers=number)  # the same limits as in training
    if asked.images < 64:
        raise UserError(f"--images is {asked.images}; expected at least 64.")
    source = loader_throughput.photographs(asked.images) if asked.data_dir is None else nullcontext()
    with source as made, progress("timing the loader", 2 + len(asked.workers), "measurements") as advance:
        images = made or loader_throughput.open_files(asked.data_dir or "")
        rows = loader_throughput.stages(images, recipe, 64, asked.seconds)
        advance(1, "stages")
        rows += loader_throughput.throughput(images, recipe, asked.workers, advance)
        rows.append(loader_throughput.training_rate(recipe, device, dtype, asked.seconds))
    return finish(asked, result_of(asked, "loader", arguments, device, rows, {"recipe": asked.recipe}, []))
