"""Settings of a run of the experiments."""

from dataclasses import dataclass
from pathlib import Path

from parcnet.base import UserError

LEAST_SEEDS = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of every experiment.

    seeds    number of seeds, from 0, for weights, crops and data order
    quick    smaller maps and fewer steps: a smoke test, not evidence
    folder   results, pictures and finished trainings
    """

    seeds: int = 3
    quick: bool = False
    folder: Path = Path("runs/claims")

    def __post_init__(self) -> None:
        if self.seeds < LEAST_SEEDS:
            raise UserError(f"--seeds is {self.seeds}; expected at least {LEAST_SEEDS}: a single seed has no spread.")

    @property
    def every_seed(self) -> tuple[int, ...]:
        return tuple(range(self.seeds))
