"""Peak memory of a run."""

import torch

from parcnet.base.resident_memory import peak_resident_bytes


def peak_megabytes(device: torch.device) -> float | None:
    """Peak memory so far in 10^6 bytes: of tensors on a GPU, else of the process; None where the system hides it."""
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_resident_bytes()
    return None if peak is None else round(peak / 1e6, 1)
