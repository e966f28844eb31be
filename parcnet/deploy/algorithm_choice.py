"""Select the fastest algorithm per stage: a block is exported with each one and timed in the target runtime."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from parcnet.base.timing import interleave
from parcnet.deploy.prepare import in_form, parcnet_stages
from parcnet.layers.inference import MIXES
from parcnet.models.freezing import freezable_blocks, input_shapes
from parcnet.models.mix_timing import MERGE_LIMIT, merged_cost

Runner = Callable[[nn.Module, Tensor, Path], Callable[[], object]]
"""(module, example, folder) -> a function that runs the module in the runtime."""

Note = Callable[[int, str], None]
_SECONDS = 0.3

MARGIN = 0.9
"""Another algorithm replaces conv if it takes at most this share of its time, since one block is not the network."""


def algorithms_for(model: nn.Module, image: Tensor, norm: str, runner: Runner, note: Note) -> tuple[str, ...]:
    """The fastest algorithm for the blocks of each stage in the runtime behind `runner`; () for other networks.

    Times one block per stage with its norms and 1x1 convolutions, since a layout change between them is part of the
    cost. Calls note(1, stage) for each stage.
    """
    stages = parcnet_stages(model)
    if not stages:
        return ()
    with torch.no_grad():
        shapes = input_shapes(model, image)
    chosen: list[str] = []
    for stage in range(len(stages)):
        blocks = freezable_blocks(model, stage)
        chosen.append(_fastest(model, blocks[0][0], image, shapes[blocks[0][0]], norm, runner) if blocks else "conv")
        note(1, f"stage {stage + 1}: {chosen[-1]}")
    return tuple(chosen)


def _fastest(model: nn.Module, path: str, image: Tensor, shape: Sequence[int], norm: str, runner: Runner) -> str:
    names = [name for name in MIXES if not (name == "dense" and merged_cost(*shape[2:]) > MERGE_LIMIT)]
    example = torch.randn(list(shape))
    with tempfile.TemporaryDirectory() as folder:
        calls = {}
        for name in names:
            block = in_form(model, image, (name,) * len(parcnet_stages(model)), norm).get_submodule(path)
            calls[name] = runner(block, example, Path(folder))
        times = interleave(calls, device="cpu", seconds=_SECONDS)
    best = min(times, key=lambda name: times[name].median_ms)
    return best if times[best].median_ms <= MARGIN * times["conv"].median_ms else "conv"
