"""Errors, atomic files, console output, devices and tensor trees: shared by all packages."""

from parcnet.base.console import next_steps, progress, say, table, warn
from parcnet.base.device import pick_device, versions
from parcnet.base.errors import UserError, nearest, unknown
from parcnet.base.files import atomic_path, check_writable, staging_folder, write_json, write_text
from parcnet.base.plural import counted
from parcnet.base.tensor_trees import iterate_tensors, map_tensors, to_device

__all__ = [
    "UserError",
    "atomic_path",
    "check_writable",
    "counted",
    "iterate_tensors",
    "map_tensors",
    "nearest",
    "next_steps",
    "pick_device",
    "progress",
    "say",
    "staging_folder",
    "table",
    "to_device",
    "unknown",
    "versions",
    "warn",
    "write_json",
    "write_text",
]
