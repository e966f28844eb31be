"""The files of a run: folder, logs, checkpoints and training states."""
