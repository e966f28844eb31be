"""How a map is tiled into programs: pure arithmetic, testable without triton."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_SIDE = 128  # a program keeps BLOCK_I whole rows of the vertical product in registers
SHORTEST_BLOCK = 16  # the smallest side of a tensor-core product
PRODUCT_ELEMENTS = 16 * 16 * 64  # of the vertical product of one program, fp32: 64 registers a thread with 8 warps
PROGRAMS = 264  # two per multiprocessor of an H100 or H200: enough parallelism, few partial sums


@dataclass(frozen=True, slots=True)
class Tiling:
    """A program: `block_i` rows of `block_c` channels, `block_j` columns at a time, from `block_p` rows at a time."""

    block_c: int
    block_j: int
    warps: int
    block_i: int = SHORTEST_BLOCK
    block_p: int = SHORTEST_BLOCK
    stages: int = 1  # deeper pipelines cost registers that products this small need


def next_power_of_two(n: int) -> int:
    return 1 << (n - 1).bit_length()


def padded(size: int) -> int:
    """A map side padded for tensor cores: a power of two, at least 16; the padding is masked."""
    return max(SHORTEST_BLOCK, next_power_of_two(size))


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


# (channels, columns, warps), the default first, by channels_last and bytes per element. Chosen by the compiler's report
# for sm_90 (few or no spills, fewest instructions per output, within the 99 KiB of shared memory of consumer GPUs), not
# by timing. channels_last memory is read in sectors of 32 bytes: 16 channels in half precision, 8 in fp32.
_PREFERENCES = {
    (True, 2): ((16, 32, 8), (8, 32, 4), (8, 64, 8), (16, 32, 16)),
    (False, 2): ((4, 64, 8), (2, 64, 4), (4, 32, 4)),
    (True, 4): ((8, 16, 8), (4, 16, 4)),
    (False, 4): ((4, 16, 8), (2, 16, 4)),
}


def candidate_tilings(channels: int, width: int, *, channels_last: bool, itemsize: int) -> list[Tiling]:
    """The default first, then the few others worth timing (`benchmarks/gpu.py` does), for a map of `width` columns."""
    room = 2 * PRODUCT_ELEMENTS // (itemsize * SHORTEST_BLOCK * padded(width))
    limit = min(room, next_power_of_two(channels))
    return list(
        dict.fromkeys(_fit(preference, limit, padded(width)) for preference in _PREFERENCES[channels_last, itemsize])
    )


def _fit(preference: tuple[int, int, int], limit: int, pad_w: int) -> Tiling:
    block_c, block_j, warps = preference
    fitted_c = min(block_c, limit)
    share = max(1, block_c // fitted_c) if pad_w <= 64 else 1  # fewer channels of a small map need fewer warps
    return Tiling(fitted_c, min(block_j, pad_w), max(1, warps // share))
