"""The grid of operator shapes that are timed: channels, maps and batches, up to a memory limit."""

import re
from dataclasses import dataclass
from itertools import product

import torch

from parcnet.base import UserError

MEMORY_LIMIT = 4 * 2**30  # bytes a case may take


@dataclass(frozen=True, slots=True)
class Grid:
    """Values whose combinations are the cases."""

    channels: tuple[int, ...]
    maps: tuple[tuple[int, int], ...]
    batches: tuple[int, ...]


QUICK = Grid((64, 320), ((7, 7), (14, 14), (28, 28), (56, 56)), (1, 8))
FULL = Grid(
    (64, 128, 320, 512),
    ((7, 7), (14, 14), (28, 28), (56, 56), (100, 100), (128, 128), (200, 334), (256, 256), (512, 512)),
    (1, 8, 32),
)


@dataclass(frozen=True, slots=True)
class Case:
    """One operator to time: x [batch, channels, height, width] with oversized kernels 2H-1 and 2W-1."""

    channels: int
    height: int
    width: int
    batch: int
    dtype: torch.dtype = torch.float32
    training: bool = False
    channels_last: bool = True

    @property
    def operations(self) -> int:
        """Floating point operations (two a multiply-add) on the map itself, none on padding: 2 B C H W (H + W).

        The useful work, whatever an algorithm spends; three times that with both gradients.
        """
        forward = 2 * self.batch * self.channels * self.height * self.width * (self.height + self.width)
        return 3 * forward if self.training else forward

    @property
    def memory(self) -> int:
        """Bytes of the maps that every algorithm needs: input, intermediate, output; twice in training."""
        maps = 6 if self.training else 3
        return maps * self.batch * self.channels * self.height * self.width * self.dtype.itemsize

    def __str__(self) -> str:
        return f"{self.batch}x{self.channels}x{self.height}x{self.width}"


def cases(
    grid: Grid,
    *,
    dtype: torch.dtype = torch.float32,
    training: bool = False,
    channels_last: bool = True,
    memory_limit: int = MEMORY_LIMIT,
) -> tuple[list[Case], list[Case]]:
    """The cases that fit into `memory_limit` bytes, the cheapest first, and those left out."""
    combined = product(grid.channels, grid.maps, grid.batches)
    every = [Case(c, *size, b, dtype, training, channels_last) for c, size, b in combined]
    every.sort(key=lambda case: case.operations)
    return [c for c in every if c.memory <= memory_limit], [c for c in every if c.memory > memory_limit]


def parse_map(text: str) -> tuple[int, int]:
    """`56` or `200x334` as (H, W)."""
    matched = re.fullmatch(r"([0-9]{1,5})(?:x([0-9]{1,5}))?", text)
    if matched is None or int(matched[1]) < 1 or int(matched[2] or 1) < 1:
        raise UserError(f"map {text!r} is not a size. Expected a side such as 56, or HxW such as 200x334.")
    return int(matched[1]), int(matched[2] or matched[1])
