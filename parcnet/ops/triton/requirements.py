"""What the fused operator requires of device and input: one reason in words for each refusal."""

from __future__ import annotations

import importlib.util
import os

import torch
from torch import Tensor

from parcnet.ops.oversized.problem import Problem
from parcnet.ops.triton.tiling import LONGEST_SIDE

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
LONGEST_LOCAL = 15  # taps per side; the gradient of the local kernel keeps them all in registers


def available(device: torch.device | str) -> str | None:
    """None if the kernels can run on `device`, else the reason in words. Imports no triton, initialises no CUDA."""
    device = torch.device(device)
    if importlib.util.find_spec("triton") is None:
        return "the package triton is not installed; it comes with torch for CUDA on Linux: pip install triton"
    if interpreted():
        return (
            None if device.type in ("cpu", "cuda") else f"Triton's interpreter runs on CPU tensors, not {device.type}"
        )
    if device.type != "cuda":
        return f"it runs on CUDA devices, not on {device.type} (TRITON_INTERPRET=1 interprets it on a CPU, for tests)"
    if torch.version.hip is not None:
        return "it is untested on AMD GPUs"
    if not torch.cuda.is_available():
        return "this machine has no CUDA device that torch can use"
    major, minor = torch.cuda.get_device_capability(device)
    if major < 8:
        return f"it needs compute capability 8.0 (Ampere) or later, this device has {major}.{minor}"
    return None


def refuses(problem: Problem, local_side: int = 7) -> str | None:
    """None if the kernels support `problem` with a local_side x local_side kernel, else the reason."""
    if problem.dtype not in DTYPES:
        return f"it computes in fp32, bf16 or fp16, not in {problem.dtype}"
    if max(problem.height, problem.width) > LONGEST_SIDE:
        return (
            f"the map is {problem.height}x{problem.width}, larger than {LONGEST_SIDE}x{LONGEST_SIDE}: "
            "a program keeps whole rows and columns in registers"
        )
    if local_side > LONGEST_LOCAL:
        return f"the local kernel is {local_side}x{local_side}: expected at most {LONGEST_LOCAL}x{LONGEST_LOCAL}"
    return None


def check(features: Tensor, gate: Tensor, kernel_h: Tensor, kernel_w: Tensor, local: Tensor) -> None:
    """Raise ValueError naming the value for shapes, dtypes and devices that do not match."""
    if features.dim() != 4 or min(features.shape[1:]) < 1:
        raise ValueError(
            f"features are [batch, channels, height, width], at least 1 but for the batch, got {tuple(features.shape)}"
        )
    if gate.shape != features.shape:
        raise ValueError(
            f"gate and features must have the same shape, got {tuple(gate.shape)} and {tuple(features.shape)}"
        )
    channels, height, width = features.shape[1:]
    for name, kernel, size in (("kernel_h", kernel_h, height), ("kernel_w", kernel_w, width)):
        if kernel.dim() != 2 or kernel.shape[0] != channels:
            raise ValueError(f"{name} is [channels, taps] with {channels} channels, got shape {tuple(kernel.shape)}")
        if kernel.shape[1] % 2 == 0 or kernel.shape[1] > 2 * size - 1:
            raise ValueError(
                f"{name} has {kernel.shape[1]} taps: expected an odd number, at most {2 * size - 1} for a map of {size}"
            )
    side = local.shape[-1]
    if local.shape != (channels, 1, side, side) or side % 2 == 0:
        raise ValueError(f"local is [channels, 1, k, k] with {channels} channels and odd k, got {tuple(local.shape)}")
    for name, tensor in (("gate", gate), ("kernel_h", kernel_h), ("kernel_w", kernel_w), ("local", local)):
        if tensor.dtype != features.dtype or tensor.device != features.device:
            raise ValueError(
                f"{name} is {tensor.dtype} on {tensor.device}, features are {features.dtype} on {features.device}: "
                "convert one (torch.autocast converts dtypes)"
            )
    reason = refuses(Problem.of(features, kernel_h, kernel_w), side)
    if reason is not None:
        raise ValueError(f"the fused operator refuses this problem: {reason}")


def require(device: torch.device) -> None:
    """Raise RuntimeError with the reason where the kernels cannot run."""
    reason = available(device)
    if reason is not None:
        raise RuntimeError(f"the fused operator cannot run on {device}: {reason}")


def interpreted() -> bool:
    """Whether TRITON_INTERPRET is set, as triton reads it on import."""
    return os.environ.get("TRITON_INTERPRET", "0").lower() in ("1", "true", "on", "yes", "y")
