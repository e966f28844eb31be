"""The checkpoint file: weights and their metadata."""

from parcnet.checkpoint.file import Checkpoint, read, read_metadata, save
from parcnet.checkpoint.metadata import Metadata

__all__ = ["Checkpoint", "Metadata", "read", "read_metadata", "save"]
