"""Counter-based randomness: every draw depends on a key such as (seed, epoch, index), never on earlier draws."""

import hashlib
import random
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def hashed(*key: int, size: int = 1) -> tuple[int, ...]:
    """`size` (at most 8) independent 64-bit numbers, a hash of `key`."""
    digest = hashlib.blake2b(struct.pack(f"<{len(key)}q", *key), digest_size=8 * size).digest()
    return struct.unpack(f"<{size}Q", digest)


def reseed(*key: int) -> None:
    """Seeds the global generators of `random`, `numpy` and `torch` (CPU) from `key`.

    Each gets its own seed: with equal seeds `random` and `numpy` draw the same sequence.
    """
    for_random, for_numpy, for_torch = hashed(*key, size=3)
    random.seed(for_random)
    np.random.seed((for_numpy >> 32, for_numpy & 0xFFFFFFFF))  # noqa: NPY002 -- timm draws from the global generator
    torch.default_generator.manual_seed(for_torch)  # not torch.manual_seed: 30 times slower, and reseeds the GPU


@contextmanager
def preserved_randomness() -> Iterator[None]:
    """Restores the global generators of `random`, `numpy` and `torch` (CPU) on exit, also after exceptions."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 -- as in reseed
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002 -- as in reseed
        torch.set_rng_state(states[2])
