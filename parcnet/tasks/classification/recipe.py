"""What classification adds to a recipe: nothing. Every field of the shared sections is its own."""

from parcnet.recipes import TaskSection

SECTION = TaskSection(settings=None)
