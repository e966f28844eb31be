"""MNN files, run by MNN on the CPU. Conversion runs apart, by `mnn_convert`, with no telemetry."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parcnet.base import UserError
from parcnet.deploy.file_metadata import Card
from parcnet.deploy.graph import IMAGE, PIXELS
from parcnet.deploy.runtimes.runtime import Run, Runtime

_CONVERTER = Path(__file__).with_name("mnn_convert.py")
_WEIGHT_BITS = {"fp32": (), "fp16": ("--fp16",), "int8": ("--weightQuantBits", "8", "--weightQuantAsymmetric", "1")}


def write(graph: Path, card: str, path: Path, dtype: str) -> None:
    """The ONNX file `graph` as an MNN file with its card. fp16 and int8 are of the weights; arithmetic stays single."""
    _package()
    arguments = ["-f", "ONNX", "--modelFile", str(graph), "--MNNModel", str(path), "--bizCode", card]
    command = [sys.executable, "-I", str(_CONVERTER), json.dumps([*arguments, *_WEIGHT_BITS[dtype]])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not path.is_file():
        last = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise UserError(f"MNN's converter did not take this network: {last}")


def _load(path: Path, threads: int | None) -> Run:
    _package()
    from MNN import expr, nn

    card = Card.from_json(_card(path), str(path))
    name = PIXELS if card.request.pixels else IMAGE
    with _silent():
        runtime = nn.create_runtime_manager(({"precision": "high", "numThread": threads or os.cpu_count() or 1},))
        module = nn.load_module_from_file(str(path), [name], list(card.outputs), runtime_manager=runtime)

    def run(values: NDArray[Any]) -> list[NDArray[Any]]:
        kind = expr.uint8 if values.dtype == np.uint8 else expr.float
        given = expr.const(np.ascontiguousarray(values), list(values.shape), expr.NCHW, kind)
        found = module.forward([given])
        return [np.array(expr.convert(each, expr.NCHW).read()) for each in found]

    return run


def _card(path: Path) -> str | None:
    _package()
    from MNN import nn

    try:
        with _silent():
            module = nn.load_module_from_file(str(path), [], [])
        return module.get_info().get("bizCode")
    except Exception as error:  # its exceptions share no class
        raise UserError(f"{path} is not an MNN file, or not a whole one: {error}") from None


def _package() -> None:
    try:
        with _silent():
            import MNN  # noqa: F401 - the runtime alone; `MNN.tools` would install and report
    except ImportError:
        raise UserError("MNN files need MNN: pip install 'parcnet[mnn]'.") from None


@contextmanager
def _silent() -> Iterator[None]:
    """MNN greets on the process's own stdout, where a person's answers go."""
    sys.stdout.flush()
    kept, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nothing)


MNN = Runtime("MNN", _load, _card, ("MNN",))
