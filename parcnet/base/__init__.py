"""Errors, atomic files, console output, devices and tensor trees: shared by all packages."""

from parcnet.base.console import next_steps, progress, say, table, warn
from parcnet.base.device import pick_device, versions
from parcnet.base.errors import UserError, nearest, unknown
from parcnet.base.files import atomic_path, check_writable, staging_folder, write_json, write_text
from parcnet.base.locks import try_lock, wait_for_lock
from parcnet.base.partial_files import is_partial, remove_partial
from parcnet.base.plural import counted
from parcnet.base.reading import open_regular, read_regular, read_regular_text
from parcnet.base.tensor_trees import iterate_tensors, map_tensors, to_device
from parcnet.base.text import json_text, printable

__all__ = [
    "UserError",
    "atomic_path",
    "check_writable",
    "counted",
    "is_partial",
    "iterate_tensors",
    "json_text",
    "map_tensors",
    "nearest",
    "next_steps",
    "open_regular",
    "pick_device",
    "printable",
    "progress",
    "read_regular",
    "read_regular_text",
    "remove_partial",
    "say",
    "staging_folder",
    "table",
    "to_device",
    "try_lock",
    "unknown",
    "versions",
    "wait_for_lock",
    "warn",
    "write_json",
    "write_text",
]
