"""Recipe -> its task."""

from parcnet.recipes import Recipe
from parcnet.tasks.classification.task import Classification
from parcnet.tasks.detection.task import Detection
from parcnet.tasks.segmentation.task import Segmentation
from parcnet.tasks.task import Task

TASKS: dict[str, type[Task]] = {each.name: each for each in (Classification, Detection, Segmentation)}


def task_of(recipe: Recipe) -> Task:
    """The task that the recipe names."""
    return TASKS[recipe.task](recipe)
