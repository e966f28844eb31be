"""Training: recipe -> run folder with checkpoints."""

from parcnet.training.endings import AlreadyReported, Diverged, Interrupted, RankLost
from parcnet.training.final_evaluation import TrainingResult
from parcnet.training.train import train

__all__ = ["AlreadyReported", "Diverged", "Interrupted", "RankLost", "TrainingResult", "train"]
