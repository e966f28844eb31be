"""Devices and versions."""

import importlib.metadata
import platform

import torch

from parcnet.base.errors import UserError
from parcnet.base.plural import counted
from parcnet.version import __version__


def pick_device(name: str) -> torch.device:
    """The device `name`: auto (the first available of cuda, mps, cpu), cpu, cuda, cuda:N or mps.

    Raises `UserError` for any other name, and for a device that this machine or this build of torch lacks.
    """
    if name == "auto":
        return torch.device("cuda" if _cuda_count() else "mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise _unusable(name, "unknown device type") from None
    match device.type:
        case "cpu":
            return device
        case "cuda" if (device.index or 0) < _cuda_count():
            return device
        case "cuda":
            raise _unusable(name, f"torch {torch.__version__} finds {counted(_cuda_count(), 'CUDA device')}")
        case "mps" if torch.backends.mps.is_available():
            return device
    raise _unusable(name, "it is not available on this machine")


def versions() -> dict[str, str]:
    """Versions by package name, for checkpoints and reports."""
    packages = {name: importlib.metadata.version(name) for name in ("torch", "torchvision", "timm")}
    return {"parcnet": __version__, **packages, "python": platform.python_version()}


def _cuda_count() -> int:
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _unusable(name: str, reason: str) -> UserError:
    return UserError(f"cannot use device {name!r}: {reason}. Use auto, cpu, cuda, cuda:N or mps.")
