"""The interface of predictions."""

from typing import Any, Protocol


class Prediction(Protocol):
    """A prediction for one image, as text and as JSON."""

    def lines(self) -> list[str]:
        """The lines that `parcnet predict` prints below the file name."""

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
