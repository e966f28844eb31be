"""Randomness of a step from counters: what it draws depends on (seed, step, rank) alone, so a step can be replayed."""

from parcnet.data.device_seeds import Purpose, reseed_devices


def seed_step(seed: int, step: int, rank: int) -> None:
    """Before a step: drop path (torch, on every device) and mixup (numpy)."""
    reseed_devices(seed, step, rank, Purpose.STEP)
