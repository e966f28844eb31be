"""What the engine asks of a task: one file each."""

from parcnet.tasks.registry import task_of
from parcnet.tasks.task import Metric, Scores, Task

__all__ = ["Metric", "Scores", "Task", "task_of"]
