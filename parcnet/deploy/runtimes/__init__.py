"""Runtimes for exported files, one per module."""

from parcnet.deploy.runtimes.mnn_runtime import MNN
from parcnet.deploy.runtimes.onnx_runtime import ONNX
from parcnet.deploy.runtimes.openvino_runtime import OPENVINO
from parcnet.deploy.runtimes.runtime import Run, Runtime
from parcnet.deploy.runtimes.torch_runtime import TORCH

RUNTIMES: dict[str, Runtime] = {"onnx": ONNX, "openvino": OPENVINO, "mnn": MNN, "torch-export": TORCH}
"""Format -> runtime."""

__all__ = ["RUNTIMES", "Run", "Runtime"]
