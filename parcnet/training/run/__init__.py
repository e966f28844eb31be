"""What a run leaves on the disk: folder, logs, checkpoints, training states."""
