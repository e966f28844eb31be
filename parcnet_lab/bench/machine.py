"""The machine that a result was measured on. No host name and no paths: results are published."""

import os
import platform
import re
from collections.abc import Callable
from datetime import UTC, datetime

import torch
from torch import Tensor, nn

from parcnet.base import UserError, versions
from parcnet.base.machine import device_name
from parcnet.base.timing import interleave
from parcnet.ops.oversized import device_class

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""Short names of the precisions that are timed."""

_ROWS, _INPUTS, _OUTPUTS = 4096, 512, 2048  # of the product that measures the ceiling: 4.3 G multiply-adds


def dtype_named(name: str) -> torch.dtype:
    """The precision called fp32, bf16 or fp16."""
    if name not in DTYPES:
        raise UserError(f"unknown dtype {name!r}. Expected one of {', '.join(DTYPES)}.")
    return DTYPES[name]


def describe(device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32, seconds: float = 1.0) -> dict:
    """The machine, as JSON: device, cores, threads, versions, date, and the ceilings measured here for `dtype`.

    `gemm_gflops` holds the rate of one large product, 4096 x 512 x 2048, by each way to compute it that the device has;
    `ceiling_gflops` is the largest. `copy_gbytes` counts bytes read and written by a copy of 256 MiB.
    """
    device = torch.device(device)
    rates = gemm_gflops(device, dtype, seconds)
    return {
        "device": device_name(device),
        "device_class": device_slug(device),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY", "unset"),
        "system": platform.system(),
        "versions": versions(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "dtype": next((name for name, known in DTYPES.items() if known == dtype), str(dtype)),
        "gemm_gflops": rates,
        "ceiling_gflops": max(rates.values()),
        "copy_gbytes": copy_gbytes(device, seconds / 2),
    }


def device_slug(device: torch.device) -> str:
    """The class of devices that share timings, as a part of a file name: `cpu`, `cuda-sm-90`."""
    return re.sub(r"[^a-z0-9]+", "-", device_class(device).lower()).strip("-")


def gemm_gflops(device: torch.device, dtype: torch.dtype, seconds: float) -> dict[str, float]:
    """1e9 floating point operations a second (two a multiply-add) of one large product, by each way to compute it."""
    with torch.inference_mode():
        timed = interleave(_products(device, dtype), device=device, seconds=seconds, minimum_rounds=3)
    operations = 2 * _ROWS * _INPUTS * _OUTPUTS
    return {name: round(operations / timing.median_ms / 1e6, 1) for name, timing in timed.items()}


def copy_gbytes(device: torch.device, seconds: float) -> float:
    """1e9 bytes a second that a copy reads and writes."""
    source = torch.ones(2**26, device=device)
    target = torch.empty_like(source)
    timed = interleave({"copy": lambda: target.copy_(source)}, device=device, seconds=seconds, minimum_rounds=3)
    return round(2 * source.nbytes / timed["copy"].median_ms / 1e6, 1)


def _products(device: torch.device, dtype: torch.dtype) -> dict[str, Callable[[], Tensor]]:
    side = int(_ROWS**0.5)
    linear = nn.Linear(_INPUTS, _OUTPUTS, bias=False, device=device, dtype=dtype)
    conv = nn.Conv2d(_INPUTS, _OUTPUTS, 1, bias=False, device=device, dtype=dtype)
    conv = conv.to(memory_format=torch.channels_last)
    x = torch.randn(_ROWS, _INPUTS, device=device).to(dtype)
    image = x.view(1, side, side, _INPUTS).permute(0, 3, 1, 2)
    products: dict[str, Callable[[], Tensor]] = {"linear": lambda: linear(x), "conv1x1": lambda: conv(image)}
    packed = _packed(x, linear.weight.detach())
    return products if packed is None else {**products, "packed": packed}


def _packed(x: Tensor, weight: Tensor) -> Callable[[], Tensor] | None:
    """oneDNN's product with prepacked weights, which `torch.compile` with freezing uses. None if unavailable."""
    if x.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return None
    try:
        laid_out = torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS)
    except (AttributeError, RuntimeError):  # not in this build, or not supported by this processor
        return None
    return lambda: torch.ops.mkldnn._linear_pointwise(x, laid_out, None, "none", [], "")
