"""Classes of devices with comparable timings."""

from collections.abc import Iterable
from functools import lru_cache

import torch


@torch.compiler.assume_constant_result
def device_class(device: torch.device) -> str:
    """Devices whose timings are comparable: "mps", a GPU's compute capability ("cuda sm_90"), a CPU's vector units.

    A CPU is named by the instructions torch uses: "cpu avx2", "cpu avx512", "cpu avx512 bf16" with bf16 products.
    """
    match device.type:
        case "cpu":
            return _cpu()
        case "cuda":
            return _gpu(device)
    return device.type


def nearest_class(device: str, known: Iterable[str]) -> str | None:
    """The class among `known` that shares the most leading words with `device`; None if not even the first.

    >>> nearest_class("cpu avx512", ["cpu avx2", "cpu avx512 bf16", "mps"])
    'cpu avx512 bf16'
    """
    shared = {each: _shared_words(device, each) for each in known}
    if device in shared:
        return device
    best = max(shared, key=shared.__getitem__, default=None)
    return best if best is not None and shared[best] else None


def _shared_words(one: str, other: str) -> int:
    words = list(zip(one.split(), other.split(), strict=False))
    return next((count for count, (a, b) in enumerate(words) if a != b), len(words))


@lru_cache
def _cpu() -> str:
    capability = torch.backends.cpu.get_cpu_capability().lower()
    capabilities: dict[str, bool] = getattr(
        torch.cpu, "get_capabilities", dict
    )()  # missing from the oldest supported torch
    bf16 = capabilities.get("amx_bf16") or capabilities.get("avx512_bf16")
    return f"cpu {capability} bf16" if bf16 else f"cpu {capability}"


@lru_cache
def _gpu(device: torch.device) -> str:
    major, minor = torch.cuda.get_device_capability(device)
    return f"cuda sm_{major}{minor}"
