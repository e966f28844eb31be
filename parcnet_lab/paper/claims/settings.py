"""How much of it is measured, and where it is kept."""

from dataclasses import dataclass
from pathlib import Path

from parcnet.base import UserError

LEAST_SEEDS = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """What every experiment is told.

    seeds    how many, from 0: weights, crops and order of the data
    quick    smaller maps, fewer steps: whether it runs, not what is true
    folder   results, pictures and finished trainings
    """

    seeds: int = 3
    quick: bool = False
    folder: Path = Path("runs/claims")

    def __post_init__(self) -> None:
        if self.seeds < LEAST_SEEDS:
            raise UserError(f"--seeds is {self.seeds}; expected at least {LEAST_SEEDS}: one seed has no spread.")

    @property
    def every_seed(self) -> tuple[int, ...]:
        return tuple(range(self.seeds))
