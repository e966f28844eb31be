"""Tensors and a JSON text as the bytes of a safetensors file, with a checksum of both. Reading never runs code."""

import hashlib
import json
import struct
from collections.abc import Mapping

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from parcnet.base import UserError

DIGEST = "parcnet.sha256"
"""Key of the checksum in the safetensors header."""


def to_bytes(tensors: Mapping[str, Tensor], key: str, text: str, more: Mapping[str, str] | None = None) -> bytes:
    """A safetensors file: the tensors, and `text` under `key` of its header, beside `more` keys.

    Tensors may be on any device, in any memory format and dtype, and may share memory: each is stored whole and
    contiguous.
    """
    stored = {name: _contiguous_copy(tensor) for name, tensor in tensors.items()}
    return safetensors.torch.save(stored, {**(more or {}), key: text, DIGEST: digest(stored, text)})


def from_bytes(content: bytes, key: str, name: str) -> tuple[dict[str, Tensor], str]:
    """The inverse of `to_bytes`. Raises `UserError`, which calls the file `name`, for any other bytes."""
    try:
        tensors = safetensors.torch.load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise UserError(f"{name} is truncated or not a safetensors file ({error}).") from None
    length = struct.unpack("<Q", content[:8])[0]
    try:
        header = json.loads(content[8 : 8 + length]).get("__metadata__") or {}  # safetensors has checked its types
    except (RecursionError, ValueError):
        raise UserError(f"{name} is damaged: its header cannot be read.") from None
    if key not in header:
        raise UserError(f"{name} holds tensors but no {key!r} in its header: it is another kind of file.")
    if header.get(DIGEST) != digest(tensors, header[key]):
        raise UserError(f"{name} was altered or damaged after it was written: its checksum differs.")
    return tensors, header[key]


def digest(tensors: Mapping[str, Tensor], text: str) -> str:
    """SHA-256 over the text and every tensor's name, dtype, shape and bytes; the tensors are contiguous, on the CPU."""
    checksum = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        checksum.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        checksum.update(tensor.reshape(-1).view(torch.uint8).numpy().data)  # as bytes: numpy has no bfloat16
    return checksum.hexdigest()


def _contiguous_copy(tensor: Tensor) -> Tensor:
    # a copy, since safetensors refuses tensors that share memory
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
