"""The hardware that training on millions of images needs, from the measured cost of the loader and assumed GPU rates.

Assumed, not measured: the sizes of the data sets and the throughput of a GPU.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

IMAGE_BYTES = 115_000
"""Mean file size of ImageNet-1K's training images (148 GB in 1,281,167 files); assumed for ImageNet-21K too."""
IMAGE_PIXELS = 182_000
"""Mean size of ImageNet-1K's images, about 470 x 387 px; decoding is assumed to cost time per pixel."""
SHARD_BYTES = 256e6
"""The default of --shard-size."""
GPUS = 8
"""GPUs of a node."""


@dataclass(frozen=True, slots=True)
class PlannedTraining:
    """A training run on a data set; `gpu_rate` is the assumed throughput of one GPU in images a second."""

    data: str
    images: int
    network: str
    epochs: int
    gpu_rate: float

    @property
    def gpu_hours(self) -> float:
        return self.images * self.epochs / self.gpu_rate / 3600


_RATES = {"T": 32 / (3 * 0.052), "B": 32 / (3 * 0.122)}
"""An RTX 3090 in fp32: a step is assumed to take 3 times the authors' latency, 52 and 122 ms for 32 images (Fig. 1)."""
FASTER = 5
"""A GPU five times as fast, for comparison: there the loader becomes the bottleneck."""
TRAININGS = tuple(
    PlannedTraining(data, images, network, epochs, factor * _RATES[network])
    for data, images, network, epochs in (
        ("ImageNet-1K", 1_281_167, "T", 300),
        ("ImageNet-1K", 1_281_167, "B", 300),
        ("ImageNet-21K", 14_197_122, "B", 90),
    )
    for factor in (1, FASTER)
)
COLUMNS = (
    "data, network, epochs",
    "images/s of a GPU (assumed)",
    "GPU hours",
    "days on 8 GPUs",
    "images/s for 8 GPUs",
    "cores that read them",
    "MB/s read",
    "Gbit/s if streamed",
    "GB",
    "shards of 256 MB",
)


def core_seconds(stages: Sequence[Mapping[str, Any]]) -> float:
    """Core seconds that one image of `IMAGE_PIXELS` costs, from the stages that `parcnet bench loader` measured."""
    measured = {row["stage"]: row for row in stages}
    pixels = IMAGE_PIXELS / measured["decode"]["image_pixels"]
    return sum(row["ms"] * (pixels if name == "decode" else 1) for name, row in measured.items()) / 1e3


def budget(stages: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """A row of `COLUMNS` for each of `TRAININGS`."""
    each = core_seconds(stages)
    rows = []
    for training in TRAININGS:
        rate = GPUS * training.gpu_rate
        size = training.images * IMAGE_BYTES
        numbers = (
            training.gpu_rate,
            training.gpu_hours,
            training.gpu_hours / GPUS / 24,
            rate,
            rate * each,
            rate * IMAGE_BYTES / 1e6,
            rate * IMAGE_BYTES * 8 / 1e9,
            size / 1e9,
            size / SHARD_BYTES,
        )
        digits = (0, 0, 1, 0, 1, 0, 1, 0, 0)
        cells = (f"{number:,.{places}f}" for number, places in zip(numbers, digits, strict=True))
        rows.append((f"{training.data}, {training.network}, {training.epochs}", *cells))
    return rows
