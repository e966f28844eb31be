"""Supplement H: the local-global convolution of each stage, merged into one dense kernel or separate."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import inf
from typing import Any

import torch
from torch import Tensor, nn

from parcnet import models
from parcnet.base import UserError
from parcnet.base.console import Advance
from parcnet.layers import ParCNetV2Block
from parcnet.layers.inference import MIXES, freezable, freeze_mix
from parcnet.layers.packed import unpackable
from parcnet.models.mix_timing import time_mixes

_FACTOR = 4.0  # allowed error, as a multiple of that of the separate convolutions, both against float64


def measure(
    tags: Sequence[str],
    batches: Sequence[int],
    image: int,
    device: torch.device,
    dtype: torch.dtype,
    seconds: float,
    note: Advance,
) -> Iterator[dict[str, Any]]:
    """A row a stage, batch and size: `times` of the frozen forms conv (separate), matmul and dense (merged).

    `seconds` is the budget of a row. On CPUs the convolutions are oneDNN's packed ones, as parcnet.optimize runs them.
    """
    for tag in tags:
        torch.manual_seed(0)
        network: Any = models.build(f"parcnetv2_{tag}", img_size=image).eval().to(device, dtype)
        sizes = network.map_sizes(image)
        for batch in batches:
            for number, (stage, size) in enumerate(zip(network.stages, sizes, strict=True), 1):
                block = stage.blocks[0]
                if not freezable(block):
                    raise UserError(f"parcnetv2_{tag} has no parallel local-global convolutions: name another size.")
                shape = [batch, block.norm1.weight.shape[0], *size]
                yield {
                    "tag": tag,
                    "batch": batch,
                    "stage": number,
                    "channels": shape[1],
                    "height": size[0],
                    "width": size[1],
                    "wrong": _wrong(block, shape, dtype, device),
                    "times": _timed(block, shape, dtype, device, seconds),
                }
                note(1, f"{tag}, stage {number}, batch {batch}")


def _timed(
    block: ParCNetV2Block, shape: list[int], dtype: torch.dtype, device: torch.device, seconds: float
) -> dict[str, Any]:
    packed = unpackable(torch.empty(1, dtype=dtype, device=device)) is None
    times = time_mixes(block, shape, dtype, device, packed=packed, merge_limit=inf, seconds=seconds)
    return {name: asdict(timing) for name, timing in times.items()}


@torch.no_grad()
def _wrong(block: ParCNetV2Block, shape: list[int], dtype: torch.dtype, device: torch.device) -> dict[str, str]:
    """The forms whose output differs from that of the separate convolutions, with their error."""
    size = (shape[2], shape[3])
    x = torch.randn([1, *shape[1:]], dtype=dtype, device=device).contiguous(memory_format=torch.channels_last)
    separate = freeze_mix(block, size, "conv")
    exact = _exact(separate, x)
    allowed = _FACTOR * (separate(x).double() - exact).norm() + torch.finfo(dtype).eps * exact.norm()
    errors = {name: (freeze_mix(block, size, name)(x).double() - exact).norm() for name in MIXES}
    return {
        name: f"its error is {float(error):.2g}, more than {float(allowed):.2g}"
        for name, error in errors.items()
        if not error <= allowed
    }


def _exact(mix: nn.Module, x: Tensor) -> Tensor:
    answer: Tensor = mix.double()(x.double())
    mix.to(x.dtype)
    return answer
