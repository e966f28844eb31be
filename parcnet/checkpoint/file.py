"""The checkpoint file: weights and their metadata. Reading it never runs code."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from parcnet.base import UserError, atomic_path
from parcnet.checkpoint.container import DIGEST, digest, to_bytes
from parcnet.checkpoint.metadata import Metadata

_METADATA = "parcnet"
_RUN = "parcnet.run"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights by parameter name, on the CPU, and their metadata."""

    weights: dict[str, Tensor]
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which file this is, without reading its weights."""

    run: str | None
    """Identity of the training run that wrote it; None for other files."""
    digest: str | None
    """Checksum of weights and metadata."""


def save(path: str | Path, weights: Mapping[str, Tensor], metadata: Metadata, run: str | None = None) -> None:
    """Writes one safetensors file atomically (errors as `base.atomic_path`). `run` identifies the run that writes it.

    The metadata is JSON under the key `parcnet` of the safetensors header. Weights may be on any device, in any
    memory format and dtype, and may share memory: each is stored whole and contiguous.
    """
    # not save_file: its own errors on a full disk would not name the file
    content = to_bytes(weights, _METADATA, metadata.to_json(), {} if run is None else {_RUN: run})
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def read(path: str | Path) -> Checkpoint:
    """Reads a file of `save`, the `best.safetensors` of a run folder, or the `model.safetensors` of a published folder.

    Raises `UserError` if there is no such file, or it is truncated, altered, a pickle, of another format, or not a
    checkpoint of parcnet.
    """
    path = _locate(path)
    header = _read_header(path)
    metadata = _metadata(path, header)
    weights = safetensors.torch.load_file(path)
    if header.get(DIGEST) != digest(weights, header[_METADATA]):
        raise UserError(f"{path} was altered or damaged after it was written: its checksum differs. Copy it again.")
    return Checkpoint(weights, metadata)


def read_metadata(path: str | Path) -> Metadata:
    """As `read`, without loading the weights and checking their checksum."""
    path = _locate(path)
    return _metadata(path, _read_header(path))


def read_provenance(path: str | Path) -> Provenance:
    """The run and the checksum in the header of a file, a run folder or a published folder. Errors as `read`."""
    header = _read_header(_locate(path))
    return Provenance(header.get(_RUN), header.get(DIGEST))


def _locate(path: str | Path) -> Path:
    path = Path(path)
    if path.is_file():
        return path
    folder = path if path.is_dir() else path.parent
    for name in ("best.safetensors", "model.safetensors"):  # a run folder, a published one
        if path.is_dir() and (file := path / name).is_file():
            return file
    siblings = sorted(file.name for file in folder.glob("[!.]*.safetensors"))
    location = "the current folder" if folder == Path() else str(folder)
    contents = ", ".join(siblings[:5]) if siblings else "no *.safetensors file"
    missing = f"{location} has no best.safetensors" if path.is_dir() else f"there is no file {path}"
    raise UserError(f"{missing}: expected a checkpoint or a run folder. {location} has {contents}.")


def _read_header(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            start = file.read(9)
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except SafetensorError as error:
        if _is_pickle(start):
            raise UserError(
                f"{path} is a pickle, which could run code, so it is not opened. If it holds the authors' official "
                f"weights, use parcnet.load_official_weights(model, {str(path)!r})."
            ) from None
        raise UserError(f"{path} is truncated or not a safetensors file ({error}). Copy it again.") from None


def _is_pickle(start: bytes) -> bool:
    """Whether a file that begins with these nine bytes was written by torch.save: a zip archive, or a plain pickle.

    A safetensors file begins with the length of its header, eight bytes that may be any, and the header's `{`.
    """
    plain = start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    return start[8:9] != b"{" and (plain or start.startswith(b"PK\x03\x04"))


def _metadata(path: Path, header: Mapping[str, str]) -> Metadata:
    if _METADATA not in header:
        raise UserError(
            f"{path} holds tensors but no parcnet metadata, so it was not written by parcnet.checkpoint.save. Build "
            "the network yourself and load the tensors with safetensors.torch.load_file."
        )
    try:
        return Metadata.from_json(header[_METADATA])
    except UserError as error:
        raise UserError(f"cannot use {path}: {error}") from None
