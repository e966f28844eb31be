"""`python -m parcnet_lab.bench.memory_probe JSON`: the peak memory of one network's inference, in its own process.

Prints one JSON object of bytes. On an accelerator: the peak of torch's allocator, weights included. On a CPU: resident
memory above that of the loaded libraries; the peak is counted once the network is built.
"""

import ctypes
import gc
import json
import sys
from contextlib import suppress
from pathlib import Path

import torch

from parcnet.base import UserError
from parcnet.base.resident_memory import peak_resident_bytes
from parcnet_lab.bench.machine import dtype_named
from parcnet_lab.bench.networks import Contender, in_form

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def probe(
    contender: Contender, form: str, batch: int, image: int, device: torch.device, dtype: torch.dtype
) -> dict[str, int]:
    """Bytes: `weights` (parameters and buffers), `peak` of two forward passes with them, in a form of `FORMS`."""
    # one-time allocations of the first convolution and product are not the network's
    small = torch.randn(1, 8, 16, 16, device=device, dtype=dtype)
    torch.nn.functional.conv2d(small, torch.randn(8, 8, 3, 3, device=device, dtype=dtype)).sum()
    before = _resident()
    model = contender.build().eval().to(device, dtype)
    weights = sum(each.nbytes for each in (*model.parameters(), *model.buffers()))
    pixels = torch.randn(batch, 3, image, image, device=device, dtype=dtype)
    with torch.inference_mode():
        infer = in_form(model, form, pixels)
    del model
    _trim()
    _reset_peak(device)
    with torch.inference_mode():
        for _ in range(2):
            infer(pixels)
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else _peak() - before
    return {"weights": weights, "peak": peak}


def _trim() -> None:
    """Returns freed memory to the system where the C library can: building is not inference."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(AttributeError):  # glibc only
            ctypes.CDLL(None).malloc_trim(0)


def _resident() -> int:
    return _status("VmRSS") if _STATUS.exists() else _max_resident()


def _peak() -> int:
    return _status("VmHWM") if _STATUS.exists() else _max_resident()


def _status(key: str) -> int:
    line = next(line for line in _STATUS.read_text(encoding="utf-8").splitlines() if line.startswith(key))
    return int(line.split()[1]) * 1024


def _max_resident() -> int:
    peak = peak_resident_bytes()
    if peak is None:
        raise UserError("this system does not tell the peak memory of a process; measure on Linux or macOS.")
    return peak


def _reset_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif _CLEAR.exists():
        _CLEAR.write_text("5", encoding="utf-8")  # resets the high-water mark


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    torch.set_num_threads(asked["threads"])
    contender = Contender(asked["network"], asked["side"], tuple(asked["arguments"].items()))
    where = (torch.device(asked["device"]), dtype_named(asked["dtype"]))
    found = probe(contender, asked["form"], asked["batch"], asked["image"], *where)
    print(json.dumps(found))
