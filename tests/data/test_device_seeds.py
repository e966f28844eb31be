import numpy as np
import pytest
import torch

from parcnet.data.device_seeds import Purpose, reseed_devices, seed_initial_weights


def drawn():
    return torch.rand(3).tolist() + np.random.rand(3).tolist()  # noqa: NPY002 - the generators that timm draws from


@pytest.mark.parametrize("seed_it", [lambda: reseed_devices(0, 5, 0, Purpose.STEP), lambda: seed_initial_weights(0)])
def test_equal_counters_give_equal_numbers_whatever_was_drawn_before(seed_it):
    seed_it()
    first = drawn()
    torch.rand(17)
    seed_it()
    assert drawn() == first


def test_seed_step_and_rank_each_change_the_numbers():
    seen = []
    for counters in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)):
        reseed_devices(*counters, Purpose.STEP)
        seen.append(tuple(drawn()))
    seed_initial_weights(0)
    assert len({*seen, tuple(drawn())}) == 5
