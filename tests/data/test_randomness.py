# ruff: noqa: NPY002 -- the global generators are the subject
import random

import numpy as np
import pytest
import torch

from parcnet.data import preserved_randomness, reseed
from parcnet.data.randomness import hashed


def draw():
    return random.random(), np.random.rand(), torch.rand(()).item(), random.gauss(), np.random.randn()


def test_a_key_fixes_all_three_generators():
    reseed(1, 2, 3)
    first = draw()
    draw()
    reseed(1, 2, 3)
    assert draw() == first


def test_the_three_generators_are_independent():
    reseed(1, 2, 3)
    assert len({random.random(), np.random.rand(), torch.rand((), dtype=torch.float64).item()}) == 3


def test_adjacent_keys_give_independent_draws():
    keys = [(seed, epoch, index) for seed in range(8) for epoch in range(8) for index in range(64)]
    assert len({hashed(*key) for key in keys}) == len(keys)
    bits = np.array([[word >> shift & 1 for shift in range(64)] for key in keys for word in hashed(*key)])
    assert np.abs(bits.mean(0) - 0.5).max() < 5 * 0.5 / len(keys) ** 0.5


def test_the_hash_is_the_same_on_every_machine_and_version():
    assert hashed(0, 1, 2) == (8901564848246840783,)


def test_the_generators_are_restored_also_after_an_error():
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)
    expected = draw()
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)
    with pytest.raises(KeyError), preserved_randomness():
        raise KeyError(reseed(9))
    assert draw() == expected
