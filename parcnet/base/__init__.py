"""Errors, atomic files, the console and devices: what every room may use."""

from parcnet.base.console import next_steps, progress, say, table, warn
from parcnet.base.device import pick_device, versions
from parcnet.base.errors import UserError, nearest, unknown
from parcnet.base.files import atomic_path, check_writable, staging_folder, write_json, write_text
from parcnet.base.nested import mapped, moved, tensors
from parcnet.base.words import counted

__all__ = [
    "UserError",
    "atomic_path",
    "check_writable",
    "counted",
    "mapped",
    "moved",
    "nearest",
    "next_steps",
    "pick_device",
    "progress",
    "say",
    "staging_folder",
    "table",
    "tensors",
    "unknown",
    "versions",
    "warn",
    "write_json",
    "write_text",
]
