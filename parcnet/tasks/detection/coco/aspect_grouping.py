"""Aspect ratio grouping: batches of similar images need little padding."""

from collections.abc import Sequence

import torch
from torch import Tensor


def aspect_grouped_order(ratios: Tensor, group: int, generator: torch.Generator) -> Tensor:
    """A random permutation in groups of `group` images that are all upright (ratio H / W > 1) or all not.

    Images that do not fill a group come last.
    """
    order = torch.randperm(len(ratios), generator=generator)
    upright = ratios[order] > 1
    kinds: Sequence[Tensor] = (order[upright], order[~upright])
    whole = [kind[: len(kind) // group * group].view(-1, group) for kind in kinds]
    rest = [kind[len(kind) // group * group :] for kind in kinds]
    groups = torch.cat(whole)
    groups = groups[torch.randperm(len(groups), generator=generator)]
    return torch.cat([groups.flatten(), *rest])
