"""A network as an ONNX graph of operators that every runtime knows, its weights and kernels constants."""

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
"""Under which a node says in which modules it lies."""

QUANTISED = ("Conv", "Gemm", "MatMul")
"""What static int8 changes, but in norms: their sums over the channels, as convolutions, want every digit."""

_NORM = re.compile(r"(^|\.)norm(\.|$)")

PIXELS, IMAGE = "pixels", "image"
"""Name of a file's input: 8-bit pixels [B, H, W, C], or the normalised image [B, C, H, W]."""


def to_onnx(network: nn.Module, example: Tensor, request: Request, outputs: Sequence[str]) -> "ModelProto":
    """The graph of `network` for inputs like `example`, whose first side is any number where the batch is dynamic.

    Height and width are constants: the kernels are as long as the map. Raises `UserError` where an operator of the
    network has no place in ONNX, and without the packages of the extra `onnx`.
    """
    try:
        import onnxscript  # noqa: F401 - torch's exporter asks for it late and less clearly
    except ImportError:
        raise UserError("exporting needs onnx and onnxscript: pip install 'parcnet[onnx]'.") from None
    name = PIXELS if request.pixels else IMAGE
    shapes = ({0: torch.export.Dim("batch", min=1)},) if request.batch is None else None
    with warnings.catch_warnings(), errors_alone(logging.getLogger("onnx_ir")), torch.no_grad():
        warnings.simplefilter("ignore")  # of torch about its own exporter
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
                f"this network cannot be written as ONNX: {str(error).strip().splitlines()[0]}. "
                "--format torch-export may take it."
            ) from error
    assert program is not None
    graph = program.model_proto
    for node in graph.graph.node:  # the exporter notes the lines of source, with somebody's folders
        scopes = [(entry.key, entry.value) for entry in node.metadata_props if entry.key == SCOPES]
        del node.metadata_props[:]
        for key, value in scopes:
            node.metadata_props.add(key=key, value=value)
    return graph


@contextmanager
def errors_alone(logger: logging.Logger) -> Iterator[None]:
    """Inside, `logger` says nothing below an error: of other people's tools that talk about themselves."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def example_for(request: Request, channels: int) -> Tensor:
    """An input of the file's shape and dtype; of two images for a dynamic batch, since 1 counts as a constant."""
    batch = 2 if request.batch is None else request.batch
    if request.pixels:
        return torch.zeros(batch, request.height, request.width, channels, dtype=torch.uint8)
    return torch.randn(batch, channels, request.height, request.width, generator=torch.Generator().manual_seed(0))


def layer_of(node: "NodeProto") -> str:
    """Path of the module that a node was made from; `the rest` of one that belongs to none."""
    scopes = {entry.key: entry.value for entry in node.metadata_props}.get(SCOPES, "[]")
    path = "".join(ast.literal_eval(scopes)[-2:-1])  # the last is the node itself
    while path.startswith("network."):  # of what is put around a network
        path = path.removeprefix("network.")
    return path or "the rest"


def quantised_layers(graph: "ModelProto") -> dict[str, list[str]]:
    """Names of the nodes that static int8 changes, by their layer, in the order of the graph."""
    found: dict[str, list[str]] = {}
    for node in graph.graph.node:
        layer = layer_of(node)
        if node.op_type in QUANTISED and not _NORM.search(layer):
            found.setdefault(layer, []).append(node.name)
    return found


def norm_nodes(graph: "ModelProto") -> list[str]:
    """Names of the nodes that would be quantised were they not in norms."""
    return [node.name for node in graph.graph.node if node.op_type in QUANTISED and _NORM.search(layer_of(node))]
