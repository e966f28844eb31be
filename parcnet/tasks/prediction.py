"""A prediction for one image."""

from typing import Any, Protocol


class Prediction(Protocol):
    """What a network predicts for one image, for people and for files."""

    def lines(self) -> list[str]:
        """What `parcnet predict` prints below the file's name."""

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
