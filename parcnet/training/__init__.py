"""Recipe -> checkpoint."""

from parcnet.training.conclusion import Outcome
from parcnet.training.train import Diverged, Interrupted, RankLost, Silent, train

__all__ = ["Diverged", "Interrupted", "Outcome", "RankLost", "Silent", "train"]
