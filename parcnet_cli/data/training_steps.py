"""The commands to suggest once shards are ready."""

import shlex


def training_steps(data_dir: str) -> list[tuple[str, str]]:
    """(command, what it does) pairs for shards at `data_dir`, e.g. hfds/DIR."""
    quoted = shlex.quote(data_dir)
    return [
        (f"parcnet train --data-dir {quoted} --dry-run", "plan of a training run, with an estimate of its time"),
        (f"parcnet bench loader --data-dir {quoted}", "images per second that this machine reads"),
    ]
