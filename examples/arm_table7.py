"""Measures the columns of ICCV 2023, Tab. 7, on your board: batch 1, mean of 100 runs, peak memory. Unverified on Arm.

Copy exported files to the board and pass their names. It needs numpy and onnxruntime (.onnx) or MNN (.mnn), but neither
parcnet nor torch:

    parcnet export parcnetv2_tiny --algorithm conv -o parcnetv2_tiny.onnx          # on any machine
    python arm_table7.py --threads 4 parcnetv2_tiny.onnx convnext_tiny.onnx        # on the board

Each file runs in its own process. The paper's board is a quad-core Cortex-A17 (RK3288); its table:

    Swin-T 855 ms 139 MB       ConvNeXt-T  875 ms 129 MB    ParCNetV2-T  840 ms 118 MB
    Swin-S 1576 ms 222 MB      ConvNeXt-S 1618 ms 211 MB    ParCNetV2-S 1485 ms 181 MB
    Swin-B 2649 ms 378 MB      ConvNeXt-B 2708 ms 364 MB    ParCNetV2-B 2339 ms 252 MB
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

RUNS, WARM_UP = 100, 10


def load(path: str, threads: int):
    """A function that runs the file once, on noise."""
    if path.endswith(".onnx"):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        image = session.get_inputs()[0]
        values = np.random.default_rng(0).standard_normal(
            [side if isinstance(side, int) else 1 for side in image.shape]
        )
        return lambda: session.run(None, {image.name: values.astype(np.float32)})
    from MNN import expr, nn

    info = json.loads(nn.load_module_from_file(path, [], []).get_info()["bizCode"])
    shape = [1, len(info["metadata"]["preprocessing"]["mean"]), info["request"]["height"], info["request"]["width"]]
    manager = nn.create_runtime_manager(({"precision": "high", "numThread": threads},))
    network = nn.load_module_from_file(path, ["image"], info["outputs"], runtime_manager=manager)
    values = expr.const(np.random.default_rng(0).standard_normal(shape, dtype=np.float32), shape, expr.NCHW)
    return lambda: [each.read() for each in network.forward([values])]


def measure(path: str, threads: int) -> None:
    """Prints the mean latency in ms and the peak resident memory of this process in MB."""
    call = load(path, threads)
    for _ in range(WARM_UP):
        call()
    started = time.perf_counter()
    for _ in range(RUNS):
        call()
    latency = (time.perf_counter() - started) / RUNS * 1e3
    print(f"{path:40} {latency:9.1f} ms {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:8.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--threads", type=int, default=4)
    arguments = parser.parse_args()
    if len(arguments.files) == 1:
        measure(arguments.files[0], arguments.threads)
    for file in arguments.files if len(arguments.files) > 1 else []:
        subprocess.run([sys.executable, __file__, "--threads", str(arguments.threads), file], check=True)
