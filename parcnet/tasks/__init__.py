"""One folder per task with everything specific to it. `task.py` is the interface that the other packages use."""
