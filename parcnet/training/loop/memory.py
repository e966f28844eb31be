"""Peak memory of a run."""

import resource
import sys

import torch


def peak_megabytes(device: torch.device) -> float:
    """Peak memory so far in 10^6 bytes: of tensors on a GPU, else of the process."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 1e6, 1)
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)
