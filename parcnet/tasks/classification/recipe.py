"""Classification has no recipe section of its own: it uses all fields of the shared sections."""

from parcnet.recipes import TaskSection

SECTION = TaskSection(settings=None)
