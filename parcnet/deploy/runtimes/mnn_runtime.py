"""MNN files, run by MNN on the CPU. `mnn_convert` converts in a separate process, without telemetry."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parcnet.base import UserError
from parcnet.deploy.file_metadata import FileMetadata
from parcnet.deploy.onnx_graph import IMAGE, PIXELS
from parcnet.deploy.runtimes.runtime import Run, Runtime

_CONVERTER = Path(__file__).with_name("mnn_convert.py")
_WEIGHT_BITS = {"fp32": (), "fp16": ("--fp16",), "int8": ("--weightQuantBits", "8", "--weightQuantAsymmetric", "1")}


def write(graph: Path, metadata: str, path: Path, dtype: str) -> None:
    """Converts the ONNX file `graph` to an MNN file with metadata. fp16 and int8 apply to weights; compute is fp32."""
    _package()
    arguments = ["-f", "ONNX", "--modelFile", str(graph), "--MNNModel", str(path), "--bizCode", metadata]
    command = [sys.executable, "-I", str(_CONVERTER), json.dumps([*arguments, *_WEIGHT_BITS[dtype]])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not path.is_file():
        last = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise UserError(f"MNN's converter rejected this network: {last}")


def _load(path: Path, threads: int | None) -> Run:
    _package()
    from MNN import expr, nn

    info = FileMetadata.from_json(_metadata(path), str(path))
    name = PIXELS if info.request.pixels else IMAGE
    with _silent():
        runtime = nn.create_runtime_manager(({"precision": "high", "numThread": threads or os.cpu_count() or 1},))
        module = nn.load_module_from_file(str(path), [name], list(info.outputs), runtime_manager=runtime)

    lock = threading.Lock()  # MNN's modules and its expressions run in one thread at a time

    def run(values: NDArray[Any]) -> list[NDArray[Any]]:
        kind = expr.uint8 if values.dtype == np.uint8 else expr.float
        with lock:
            inputs = expr.const(np.ascontiguousarray(values), list(values.shape), expr.NCHW, kind)
            outputs = module.forward([inputs])
            return [np.array(expr.convert(each, expr.NCHW).read()) for each in outputs]

    return run


def _metadata(path: Path) -> str | None:
    _package()
    from MNN import nn

    try:
        with _silent():
            module = nn.load_module_from_file(str(path), [], [])
        return module.get_info().get("bizCode")
    except Exception as error:  # MNN's exceptions share no class
        raise UserError(f"{path} is not an MNN file, or is truncated: {error}") from None


def _package() -> None:
    try:
        with _silent():
            import MNN  # noqa: F401 - without `MNN.tools`, which installs packages and reports usage
    except ImportError:
        raise UserError("MNN files need MNN: pip install 'parcnet[mnn]'.") from None


@contextmanager
def _silent() -> Iterator[None]:
    """Suppresses MNN's banner, which the library writes to file descriptor 1."""
    sys.stdout.flush()
    stdout, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 1)
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)
        os.close(null)


MNN = Runtime("MNN", _load, _metadata, ("MNN",))
