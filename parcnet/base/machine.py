"""The name of the hardware that a figure was measured on."""

import platform
import re
from pathlib import Path

import torch


def device_name(device: torch.device) -> str:
    """The vendor's name of the processor or accelerator. No host name: figures are published."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        named = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(encoding="utf-8"), re.MULTILINE)
        if named:
            return named[1].strip()
    return platform.processor() or platform.machine()
