"""Which devices share timings."""

from functools import lru_cache

import torch


@torch.compiler.assume_constant_result
def device_class(device: torch.device) -> str:
    """ "cpu", "mps", or a GPU's compute capability ("cuda sm_90"): devices whose timings are comparable."""
    return device.type if device.type != "cuda" else _gpu(device)


@lru_cache
def _gpu(device: torch.device) -> str:
    major, minor = torch.cuda.get_device_capability(device)
    return f"cuda sm_{major}{minor}"
