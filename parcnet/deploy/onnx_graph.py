"""Conversion of a network to an ONNX graph of widely supported operators, with weights and kernels as constants."""

import ast
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.deploy.request import Request

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

SCOPES = "pkg.torch.onnx.name_scopes"
"""Metadata key of a node's module path."""

QUANTISED = ("Conv", "Gemm", "MatMul")
"""Operators that static int8 quantises outside norms, whose sums over channels need full precision."""

_NORM = re.compile(r"(^|\.)norm(\.|$)")

PIXELS, IMAGE = "pixels", "image"
"""Names of a file's input: 8-bit pixels [B, H, W, C], or the normalised image [B, C, H, W]."""


def to_onnx(network: nn.Module, example: Tensor, request: Request, outputs: Sequence[str]) -> "ModelProto":
    """The graph of `network` for inputs like `example`; with a dynamic batch the first dimension is free.

    Height and width are constants, since the kernels are as long as the feature map. Raises `UserError` for an operator
    without an ONNX equivalent, and without the packages of the extra `onnx`.
    """
    try:
        import onnxscript  # noqa: F401 - torch's exporter reports its absence late and less clearly
    except ImportError:
        raise UserError("exporting needs onnx and onnxscript: pip install 'parcnet[onnx]'.") from None
    name = PIXELS if request.pixels else IMAGE
    shapes = ({0: torch.export.Dim("batch", min=1)},) if request.batch is None else None
    with warnings.catch_warnings(), only_errors(logging.getLogger("onnx_ir")), torch.no_grad():
        warnings.simplefilter("ignore")  # torch warns about its own exporter
        try:
            program = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                optimize=True,
                input_names=[name],
                output_names=list(outputs),
                dynamic_shapes=shapes,
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            raise UserError(
                f"this network cannot be exported to ONNX: {str(error).strip().splitlines()[0]}. "
                "Try --format torch-export."
            ) from error
    assert program is not None
    graph = program.model_proto
    for node in graph.graph.node:  # the exporter stores source lines with local paths
        scopes = [(entry.key, entry.value) for entry in node.metadata_props if entry.key == SCOPES]
        del node.metadata_props[:]
        for key, value in scopes:
            node.metadata_props.add(key=key, value=value)
    return graph


@contextmanager
def only_errors(logger: logging.Logger) -> Iterator[None]:
    """Raises the level of `logger` to ERROR within the block, to silence third-party tools."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def example_for(request: Request, channels: int) -> Tensor:
    """An input of the file's shape and dtype; two images for a dynamic batch, since torch.export specialises on 1."""
    batch = 2 if request.batch is None else request.batch
    if request.pixels:
        return torch.zeros(batch, request.height, request.width, channels, dtype=torch.uint8)
    return torch.randn(batch, channels, request.height, request.width, generator=torch.Generator().manual_seed(0))


def layer_of(node: "NodeProto") -> str:
    """Path of the module that a node comes from; `the rest` for a node without one."""
    scopes = {entry.key: entry.value for entry in node.metadata_props}.get(SCOPES, "[]")
    path = "".join(ast.literal_eval(scopes)[-2:-1])  # the last is the node itself
    while path.startswith("network."):  # wrappers around a network
        path = path.removeprefix("network.")
    return path or "the rest"


def quantised_layers(graph: "ModelProto") -> dict[str, list[str]]:
    """Layer -> names of its nodes that static int8 quantises, in graph order."""
    layers: dict[str, list[str]] = {}
    for node in graph.graph.node:
        layer = layer_of(node)
        if node.op_type in QUANTISED and not _NORM.search(layer):
            layers.setdefault(layer, []).append(node.name)
    return layers


def norm_nodes(graph: "ModelProto") -> list[str]:
    """Names of the nodes of `QUANTISED` types in norms, which stay in floating point."""
    return [node.name for node in graph.graph.node if node.op_type in QUANTISED and _NORM.search(layer_of(node))]
