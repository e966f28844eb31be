"""Write a prepared network to a file of any format."""

import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor, nn

from parcnet.base import UserError, versions
from parcnet.deploy import int8
from parcnet.deploy.onnx_graph import norm_nodes, to_onnx
from parcnet.deploy.request import Request
from parcnet.deploy.runtimes import RUNTIMES, mnn_runtime, onnx_runtime, openvino_runtime, torch_runtime

if TYPE_CHECKING:
    from onnx import ModelProto


def write(
    network: nn.Module,
    example: Tensor,
    request: Request,
    outputs: Sequence[str],
    metadata: str,
    path: Path,
    calibration: Tensor | None = None,
) -> "ModelProto | None":
    """Writes a prepared network in the requested format and precision; returns the intermediate ONNX graph, if any.

    `metadata` is the JSON text of `FileMetadata`; `calibration` holds inputs [N, ...] for static int8 (ONNX, OpenVINO).
    """
    if request.format == "torch-export":
        torch_runtime.write(network, example, request, metadata, path)
        return None
    graph = to_onnx(network, example, request, outputs)
    write_graph(graph, request, metadata, path, calibration)
    return graph


def write_graph(
    graph: "ModelProto",
    request: Request,
    metadata: str,
    path: Path,
    calibration: Tensor | None = None,
    excluded: Sequence[str] = (),
) -> None:
    """Writes an ONNX graph as an ONNX, OpenVINO or MNN file.

    Static int8 keeps norms and the nodes in `excluded` in fp32.
    """
    batch = request.batch or 1
    excluded = [*excluded, *norm_nodes(graph)]
    if request.format == "openvino":
        model = openvino_runtime.converted(graph)
        if request.dtype == "int8":
            assert calibration is not None
            model = int8.quantised_openvino(model, calibration, batch, excluded)
        openvino_runtime.write(model, metadata, path, half=request.dtype == "fp16")
        return
    with TemporaryDirectory() as folder:
        plain = Path(folder) / "network.onnx"
        if request.format == "mnn":
            onnx_runtime.write(graph, metadata, plain)
            mnn_runtime.write(plain, metadata, path, request.dtype)
        elif request.dtype == "int8":
            assert calibration is not None
            onnx_runtime.write(graph, metadata, plain)
            int8.quantise_onnx(plain, calibration, batch, path, excluded)
        else:
            onnx_runtime.write(graph, metadata, path)


def files_of(path: Path) -> list[Path]:
    """All files of an exported network: OpenVINO has two."""
    return [path, openvino_runtime.weights_of(path)] if path.suffix == ".xml" else [path]


def tools(request: Request) -> dict[str, str]:
    """Versions of the packages that write and run the file. Raises `UserError`, naming the extra, for a missing one."""
    installed = versions()
    for name in RUNTIMES[request.format].packages:
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            raise UserError(
                f"{request.format} files need {name}, which is not installed: pip install 'parcnet[{request.format}]'."
            ) from None
    return installed


def as_array(tensor: Tensor) -> np.ndarray:
    """The tensor as a contiguous array."""
    return np.ascontiguousarray(tensor.numpy())
