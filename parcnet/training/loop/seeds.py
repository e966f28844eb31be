"""Randomness of a step from counters: what it draws depends on (seed, step, rank) alone, so that it can be replayed."""

import torch

from parcnet.data.randomness import hashed, reseed

# samples are keyed by (seed, epoch, index): another length of key, so no step shares its numbers with a sample
_STEP, _NETWORK = 1, 2


def seed_network(seed: int) -> None:
    """Before the network is built: its initial weights depend on the seed alone."""
    _seed(seed, 0, 0, _NETWORK)


def seed_step(seed: int, step: int, rank: int) -> None:
    """Before a step: drop path (torch, on every device) and mixup (numpy)."""
    _seed(seed, step, rank, _STEP)


def _seed(*key: int) -> None:
    reseed(*key)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(hashed(*key)[0] >> 1)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(hashed(*key)[0] >> 1)
