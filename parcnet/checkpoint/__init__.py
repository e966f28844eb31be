"""The checkpoint file: weights and their metadata."""

from parcnet.checkpoint.file import Checkpoint, Provenance, read, read_metadata, read_provenance, save
from parcnet.checkpoint.metadata import Metadata

__all__ = ["Checkpoint", "Metadata", "Provenance", "read", "read_metadata", "read_provenance", "save"]
