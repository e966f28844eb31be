"""What an exported file says about itself: everything needed to feed it and to read its answers, as one JSON text."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.deploy.request import Request

KEY = "parcnet"
"""Under which the text stands in the formats that have a dictionary."""

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Card:
    """Where the weights come from, and what the file takes.

    `metadata` is the checkpoint's: classes, preprocessing for this size, training data, versions. `algorithms` are
    those of the stages' local-global convolutions, empty for other networks.
    """

    metadata: Metadata
    request: Request
    algorithms: tuple[str, ...]
    outputs: tuple[str, ...]
    tools: dict[str, str]
    """Versions of what wrote the file."""

    def to_json(self) -> str:
        """One JSON object."""
        fields: dict[str, Any] = {
            "format": _FORMAT,
            "metadata": json.loads(self.metadata.to_json()),
            "request": dataclasses.asdict(self.request),
            "algorithms": self.algorithms,
            "outputs": self.outputs,
            "tools": self.tools,
        }
        return json.dumps(fields, ensure_ascii=True, allow_nan=False)  # some formats hold bytes, not letters

    @classmethod
    def from_json(cls, text: str | None, called: str) -> "Card":
        """The inverse of `to_json`. `UserError`, naming the file `called`, for any other text."""
        try:
            fields = json.loads(text or "")
            if fields["format"] != _FORMAT:
                raise UserError(f"{called} was written in format {fields['format']!r}, this parcnet reads {_FORMAT}.")
            return cls(
                Metadata.from_json(json.dumps(fields["metadata"])),
                Request(**fields["request"]),
                tuple(fields["algorithms"]),
                tuple(fields["outputs"]),
                fields["tools"],
            )
        except (ValueError, KeyError, TypeError):
            raise UserError(
                f"{called} was not written by `parcnet export`, or is damaged: it does not say its classes and "
                "preprocessing. Export the checkpoint again."
            ) from None
