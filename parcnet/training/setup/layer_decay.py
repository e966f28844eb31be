"""Layer-wise and stage-wise learning rate decay, with the layer groups of the published recipes."""

import re
from collections.abc import Mapping
from math import ceil
from typing import Literal

from torch import nn

from parcnet.base import UserError

_STAGE = re.compile(r"stages?[._](\d+)\.(.*)")
_BLOCK = re.compile(r"blocks\.(\d+)\.")
_BLOCKS_PER_GROUP = 3
_PREFIX = re.compile(r"backbone\.(body\.)?(net\.)?")  # parameters of a backbone within a larger network


def layer_groups(
    network: nn.Module, by: Literal["blocks", "stages"], groups: int | None = None
) -> tuple[dict[str, int], int]:
    """(parameter name -> group id, the head's id n+1); the learning rate is multiplied by decay^(n+1 - id).

        blocks   stem: 0; block: 1 + (number of preceding blocks) // 3; downsampling: the first id of its stage
        stages   stem and downsampling: 0; blocks of stage s = 1, 2, ...: s

    All other parameters have id n+1, where n = `groups`, by default the highest id of a block. Source: the published
    detection (blocks) and segmentation (stages) recipes. For networks with parameters `stages.S.blocks.B`. Raises
    `UserError` for other networks and if `groups` is too small.
    """
    depths: dict[int, int] = {}
    for name, _ in network.named_parameters():
        stage, block = _stage_and_block(name)
        if stage is not None and block is not None:
            depths[stage] = max(depths.get(stage, 0), block + 1)
    if not depths:
        raise UserError(
            f"{type(network).__name__} has no stages of blocks (stages.S.blocks.B), which layer_decay_by {by!r} "
            "needs: use layer_decay_by network, or leave layer_decay out."
        )
    before = {stage: sum(depths[each] for each in depths if each < stage) for stage in depths}
    needed = ceil(sum(depths.values()) / _BLOCKS_PER_GROUP) if by == "blocks" else len(depths)
    if groups is not None and groups < needed:
        raise UserError(
            f"layer_decay_groups is {groups}; {type(network).__name__} has {needed} groups by {by}: use at least that."
        )
    last = (groups or needed) + 1
    ids = {name: _id(name, by, before, last) for name, _ in network.named_parameters()}
    return ids, last


def lr_scales(ids: Mapping[str, int], last: int, decay: float) -> dict[str, float]:
    """Parameter name -> decay^(last - id)."""
    return {name: decay ** (last - each) for name, each in ids.items()}


def _id(name: str, by: str, before: Mapping[int, int], last: int) -> int:
    if _PREFIX.sub("", name, count=1).startswith("stem"):
        return 0
    stage, block = _stage_and_block(name)
    if stage is None or stage not in before:
        return last
    if by == "stages":
        return 0 if block is None else 1 + sorted(before).index(stage)
    return 1 + (before[stage] + (block or 0)) // _BLOCKS_PER_GROUP


def _stage_and_block(name: str) -> tuple[int | None, int | None]:
    """(stage, block) of a parameter; None if it is outside any stage or block."""
    if (match := _STAGE.match(_PREFIX.sub("", name, count=1))) is None:
        return None, None
    block = _BLOCK.match(match[2])
    return int(match[1]), None if block is None else int(block[1])
