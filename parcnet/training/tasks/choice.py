"""Recipe -> its task."""

from parcnet.recipes import Recipe
from parcnet.training.tasks.classification import Classification
from parcnet.training.tasks.detection import Detection
from parcnet.training.tasks.segmentation import Segmentation
from parcnet.training.tasks.task import Task

TASKS: dict[str, type[Task]] = {each.name: each for each in (Classification, Detection, Segmentation)}


def task_of(recipe: Recipe) -> Task:
    """The task that the recipe names."""
    return TASKS[recipe.task](recipe)
