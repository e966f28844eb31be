"""Which images share a batch."""

from collections.abc import Sequence

import torch
from torch import Tensor


def grouped_order(ratios: Tensor, group: int, generator: torch.Generator) -> Tensor:
    """A permutation in which `group` images in a row are all upright or all not, so that little padding is needed.

    Within these two kinds everything is drawn. What does not fill a group comes last.
    """
    order = torch.randperm(len(ratios), generator=generator)
    upright = ratios[order] > 1
    kinds: Sequence[Tensor] = (order[upright], order[~upright])
    whole = [kind[: len(kind) // group * group].view(-1, group) for kind in kinds]
    rest = [kind[len(kind) // group * group :] for kind in kinds]
    groups = torch.cat(whole)
    groups = groups[torch.randperm(len(groups), generator=generator)]
    return torch.cat([groups.flatten(), *rest])
