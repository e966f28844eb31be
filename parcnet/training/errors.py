"""How a run ends other than with a result."""

from parcnet.base import UserError


class Diverged(UserError):
    """Loss or gradient became NaN or infinite. Checkpoints of earlier epochs are on the disk."""


class Interrupted(Exception):
    """A signal stopped training, after its state was saved; the message says how to resume."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
        """Exit code: 130 after Ctrl-C, 143 after SIGTERM."""


class RankLost(UserError):
    """Another process of the run died, so this one cannot continue."""


class AlreadyReported(Exception):
    """Another rank has already reported this error."""

    def __init__(self, code: int) -> None:
        super().__init__(f"ends with code {code}; another rank has reported the reason")
        self.code = code
