"""Times of the frozen local-global convolution of a stage, by algorithm."""

import torch

from parcnet.base.timing import Timing, interleave
from parcnet.layers import ParCNetV2Block
from parcnet.layers.inference import MIXES, freeze_mix
from parcnet.layers.packed import pack_depthwise

MERGE_LIMIT = 25.0
"""A merged kernel with more than this many times the taps of the separate kernels is far slower: it is not timed."""


@torch.no_grad()
def time_mixes(
    block: ParCNetV2Block,
    shape: list[int],
    dtype: torch.dtype,
    device: torch.device,
    *,
    packed: bool,
    merge_limit: float = MERGE_LIMIT,
    seconds: float = 0.05,
) -> dict[str, Timing]:
    """Times of the algorithms of `freeze_block` on maps [B, C, H, W] of `shape`; the block is unchanged.

    packed       with oneDNN's packed kernels, as in the CPU engines
    merge_limit  merged kernels with more than this many times the taps are left out
    seconds      budget of all rounds; at least five rounds run
    """
    height, width = shape[2:]
    x = torch.randn(shape, dtype=dtype, device=device).contiguous(memory_format=torch.channels_last)
    calls = {}
    for name in MIXES:
        if name == "dense" and merged_cost(height, width) > merge_limit:
            continue
        mix = freeze_mix(block, (height, width), name).eval()
        if packed:
            pack_depthwise(mix, shape)
        calls[name] = lambda mix=mix: mix(x)
    return interleave(calls, device=device, seconds=seconds)


def merged_cost(height: int, width: int, local: int = 7) -> float:
    """Taps of the merged kernel, relative to those of the separate kernels."""
    rows, columns = 2 * height - 1, 2 * width - 1
    return max(rows, local) * max(columns, local) / (rows + columns + local * local)
