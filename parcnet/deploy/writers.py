"""One prepared network -> one file of any format."""

import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor, nn

from parcnet.base import UserError, versions
from parcnet.deploy import int8
from parcnet.deploy.graph import norm_nodes, to_onnx
from parcnet.deploy.request import Request
from parcnet.deploy.runtimes import RUNTIMES, mnn_runtime, onnx_runtime, openvino_runtime, torch_runtime

if TYPE_CHECKING:
    from onnx import ModelProto


def write(
    network: nn.Module,
    example: Tensor,
    request: Request,
    outputs: Sequence[str],
    card: str,
    path: Path,
    calibration: Tensor | None = None,
) -> "ModelProto | None":
    """Writes `network`, prepared, in the format and precision asked for; returns the ONNX graph on the way, if any.

    `calibration` holds inputs of the file, [N, ...], by which static int8 finds its ranges: for ONNX and OpenVINO.
    """
    if request.format == "torch-export":
        torch_runtime.write(network, example, request, card, path)
        return None
    graph = to_onnx(network, example, request, outputs)
    write_graph(graph, request, card, path, calibration)
    return graph


def write_graph(
    graph: "ModelProto",
    request: Request,
    card: str,
    path: Path,
    calibration: Tensor | None = None,
    left: Sequence[str] = (),
) -> None:
    """Writes an ONNX graph as an ONNX, OpenVINO or MNN file.

    Of static int8, nodes named in `left` stay in fp32, and norms.
    """
    batch = request.batch or 1
    left = [*left, *norm_nodes(graph)]
    if request.format == "openvino":
        model = openvino_runtime.converted(graph)
        if request.dtype == "int8":
            assert calibration is not None
            model = int8.quantised_openvino(model, calibration, batch, left)
        openvino_runtime.write(model, card, path, half=request.dtype == "fp16")
        return
    with TemporaryDirectory() as folder:
        plain = Path(folder) / "network.onnx"
        if request.format == "mnn":
            onnx_runtime.write(graph, card, plain)
            mnn_runtime.write(plain, card, path, request.dtype)
        elif request.dtype == "int8":
            assert calibration is not None
            onnx_runtime.write(graph, card, plain)
            int8.quantise_onnx(plain, calibration, batch, path, left)
        else:
            onnx_runtime.write(graph, card, path)


def files_of(path: Path) -> list[Path]:
    """The files that make up an exported one."""
    return [path, openvino_runtime.weights_of(path)] if path.suffix == ".xml" else [path]


def tools(request: Request) -> dict[str, str]:
    """Versions of what writes and runs the file. Raises `UserError`, naming the extra, for what is not installed."""
    found = versions()
    for name in RUNTIMES[request.format].packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            raise UserError(
                f"{request.format} files need {name}, which is not installed: pip install 'parcnet[{request.format}]'."
            ) from None
    return found


def as_array(tensor: Tensor) -> np.ndarray:
    """What a runtime takes."""
    return np.ascontiguousarray(tensor.numpy())
