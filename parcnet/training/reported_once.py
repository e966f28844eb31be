"""An error of all ranks, printed by one of them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from parcnet.base import UserError
from parcnet.training.distributed.heartbeat import LOST, missing
from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.errors import AlreadyReported, Interrupted, RankLost

_CONNECTION_WORDS = ("connection", "gloo", "nccl", "timed out", "socket")


@contextmanager
def reported_once(group: ProcessGroup) -> Iterator[None]:
    """Raises `RankLost` for a failed collective operation, and `AlreadyReported` where another rank has reported."""
    try:
        yield
    except (UserError, Interrupted) as error:
        if group.world > 1 and not group.reports_first():
            raise AlreadyReported(error.code if isinstance(error, Interrupted) else 2) from None
        raise
    except RuntimeError as error:
        if group.world == 1 or not _lost_connection(error):
            raise
        if not group.reports_first():
            raise AlreadyReported(LOST) from None
        assert group.store is not None
        raise RankLost(
            f"{missing(group.store, group.world)}, so this one (rank {group.rank}, process {os.getpid()}) ends too. "
            f"Start again with the same command and --resume auto. (torch: {str(error).splitlines()[0][:200]})"
        ) from None


def _lost_connection(error: RuntimeError) -> bool:
    """Whether a collective operation failed because of another process."""
    message = str(error).lower()
    return isinstance(error, torch.distributed.DistError) or any(word in message for word in _CONNECTION_WORDS)
