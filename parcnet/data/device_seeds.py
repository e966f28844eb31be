"""Counter-based seeds of every device, for what draws outside of the samples."""

from enum import IntEnum

import torch

from parcnet.data.randomness import hashed, reseed


class Purpose(IntEnum):
    """Last entry of a key, so that equal counters for different purposes share no number.

    Samples have keys of three entries, (seed, epoch, index); these have four.
    """

    STEP = 1
    INITIAL_WEIGHTS = 2
    IMAGE_SIZE = 3


def reseed_devices(seed: int, step: int, rank: int, purpose: Purpose) -> None:
    """Seeds `random`, `numpy` and `torch` on every device by the key alone."""
    key = (seed, step, rank, int(purpose))
    reseed(*key)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(hashed(*key)[0] >> 1)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(hashed(*key)[0] >> 1)


def seed_initial_weights(seed: int) -> None:
    """Before a network is built: its initial weights depend on `seed` alone."""
    reseed_devices(seed, 0, 0, Purpose.INITIAL_WEIGHTS)
