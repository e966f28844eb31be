"""What the engine asks of a task: one file each."""

from parcnet.training.tasks.choice import task_of
from parcnet.training.tasks.task import Metric, Scores, Task

__all__ = ["Metric", "Scores", "Task", "task_of"]
