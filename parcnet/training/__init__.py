"""Recipe -> checkpoint."""

from parcnet.training.conclusion import TrainingResult
from parcnet.training.endings import AlreadyReported, Diverged, Interrupted, RankLost
from parcnet.training.train import train

__all__ = ["AlreadyReported", "Diverged", "Interrupted", "RankLost", "TrainingResult", "train"]
