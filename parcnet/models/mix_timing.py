"""How long the frozen local-global convolution of a stage takes, by algorithm."""

import torch

from parcnet.base.timing import Timing, interleave
from parcnet.layers import ParCNetV2Block
from parcnet.layers.inference import MIXES, freeze_mix
from parcnet.layers.packed import pack_depthwise

HOPELESS = 25.0
"""A merged kernel of more than so many times the taps of the separate ones takes far longer: it is not even timed."""


@torch.no_grad()
def time_mixes(
    block: ParCNetV2Block,
    shape: list[int],
    dtype: torch.dtype,
    device: torch.device,
    *,
    packed: bool,
    hopeless: float = HOPELESS,
    seconds: float = 0.05,
) -> dict[str, Timing]:
    """Times of the algorithms that `freeze_block` knows, on maps [B, C, H, W] of `shape`; the block stays as it is.

    packed    with oneDNN's packed kernels, as the engines for CPUs run them
    hopeless  merged kernels of more than so many times the taps are left out
    seconds   budget of all rounds; five rounds are made however long they take
    """
    height, width = shape[2:]
    x = torch.randn(shape, dtype=dtype, device=device).contiguous(memory_format=torch.channels_last)
    calls = {}
    for name in MIXES:
        if name == "dense" and merged_cost(height, width) > hopeless:
            continue
        mix = freeze_mix(block, (height, width), name).eval()
        if packed:
            pack_depthwise(mix, shape)
        calls[name] = lambda mix=mix: mix(x)
    return interleave(calls, device=device, seconds=seconds)


def merged_cost(height: int, width: int, local: int = 7) -> float:
    """Taps of the merged kernel over those of the separate ones."""
    rows, columns = 2 * height - 1, 2 * width - 1
    return max(rows, local) * max(columns, local) / (rows + columns + local * local)
