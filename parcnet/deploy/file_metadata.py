"""Metadata of an exported file: all that is needed to preprocess its input and decode its output, as one JSON text."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from parcnet.base import UserError
from parcnet.base.untrusted import parse_json
from parcnet.checkpoint import Metadata
from parcnet.deploy.request import Request

KEY = "parcnet"
"""Key of the JSON text in formats that store metadata in a dictionary."""

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class FileMetadata:
    """Provenance of the weights, and the file's inputs and outputs.

    `metadata` is the checkpoint's: classes, preprocessing at this size, training data, versions. `algorithms` lists the
    algorithm of each stage's local-global convolutions, empty for other networks.
    """

    metadata: Metadata
    request: Request
    algorithms: tuple[str, ...]
    outputs: tuple[str, ...]
    tools: dict[str, str]
    """Package -> version that wrote the file."""

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
        return json.dumps(fields, ensure_ascii=True, allow_nan=False)  # some formats store bytes, not text

    @classmethod
    def from_json(cls, text: str | None, name: str) -> "FileMetadata":
        """The inverse of `to_json`. Raises `UserError`, naming the file `name`, for any other text."""
        try:
            fields = parse_json(text or "")
            if fields["format"] != _FORMAT:
                raise UserError(
                    f"it has metadata format {fields['format']!r}; this parcnet reads {_FORMAT}. Export it again."
                )
            words = [*fields["algorithms"], *fields["outputs"], *fields["tools"].values()]
            if not fields["outputs"] or not all(isinstance(word, str) for word in words):
                raise ValueError("names are texts, and there is an output")
            return cls(
                Metadata.from_json(json.dumps(fields["metadata"])),
                Request(**fields["request"]),
                tuple(fields["algorithms"]),
                tuple(fields["outputs"]),
                fields["tools"],
            )
        except UserError as error:
            raise UserError(f"cannot use {name}: {error}") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UserError(
                f"{name} was not written by `parcnet export`, or is damaged: it lacks its metadata. Export "
                "the checkpoint again."
            ) from None
