"""Times one exported file, and measures its memory, in a process that loads its runtime alone.

    python -I deploy_worker.py '{"file": ..., "format": ..., "threads": 2, "shape": [1, 3, 224, 224]}'

Imports nothing of parcnet, since torch would count as memory. Answers each line of stdin with a line of JSON: a number
n with the seconds of n calls, `memory` with the peak in bytes. Workers sleep between turns; in one process, runtimes
would slow each other with idle threads that spin.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

_STATUS = Path("/proc/self/status")


def _status(key: str) -> int:
    line = next(line for line in _STATUS.read_text(encoding="utf-8").splitlines() if line.startswith(key))
    return int(line.split()[1]) * 1024


def _onnx(file: str, threads: int, values: Any) -> Callable[[], object]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: values})


def _openvino(file: str, threads: int, values: Any) -> Callable[[], object]:
    import openvino

    core = openvino.Core()
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    request = core.compile_model(file, "CPU", settings).create_infer_request()
    return lambda: request.infer([values], share_inputs=True)


def _mnn(file: str, threads: int, values: Any) -> Callable[[], object]:
    from MNN import expr, nn

    name, outputs = _names(file)
    manager = nn.create_runtime_manager(({"precision": "high", "numThread": threads},))
    network = nn.load_module_from_file(file, [name], outputs, runtime_manager=manager)
    given = expr.const(values, list(values.shape), expr.NCHW)
    return lambda: [each.read() for each in network.forward([given])]


def _names(file: str) -> tuple[str, list[str]]:
    from MNN import nn

    card = json.loads(nn.load_module_from_file(file, [], []).get_info()["bizCode"])
    return ("pixels" if card["request"]["pixels"] else "image"), card["outputs"]


_RUNTIMES = {"onnx": ("onnxruntime", _onnx), "openvino": ("openvino", _openvino), "mnn": ("MNN", _mnn)}


def main(asked: dict[str, Any]) -> None:
    """Serves until stdin ends."""
    package, load = _RUNTIMES[asked["format"]]
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # no telemetry
    __import__(package)
    before = _status("VmRSS") if _STATUS.exists() else 0
    values = np.random.default_rng(0).standard_normal(asked["shape"], dtype=np.float32)
    call = load(asked["file"], asked["threads"], values)
    for _ in range(2):
        call()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        if line.strip() == "memory":
            answer: Any = _status("VmHWM") - before if _STATUS.exists() else None
        else:
            answer = []
            for _ in range(int(line)):
                started = time.perf_counter()
                call()
                answer.append(time.perf_counter() - started)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
