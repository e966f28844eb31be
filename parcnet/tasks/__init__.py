"""One folder a task: all that is true of that task alone. `task.py` is the contract that the rooms above use."""
