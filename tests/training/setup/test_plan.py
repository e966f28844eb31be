"""The batches of each rank."""

import pytest
import torch

from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.setup.prepare import prepare


@pytest.mark.parametrize("split", ["validation", "test"])
def test_ranks_share_a_split_that_they_do_not_divide(split, recipe):
    """24 images on 5 ranks, in micro-batches of 4."""
    ranks = [prepare(recipe(), ProcessGroup(rank, 5), torch.device("cpu")) for rank in range(5)]
    sizes = [[len(labels) for _, labels in getattr(each.plan, split)] for each in ranks]
    assert sizes == [[4, 1], [4, 1], [4, 1], [4, 1], [4]]
