"""Recipe -> checkpoint."""

from parcnet.training.final import Outcome
from parcnet.training.train import Diverged, Interrupted, train

__all__ = ["Diverged", "Interrupted", "Outcome", "train"]
