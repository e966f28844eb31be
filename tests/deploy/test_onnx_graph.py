"""What TensorRT and CoreML take, read off the graph: neither runs here."""

import pytest
import torch

from parcnet import models
from parcnet.deploy.onnx_graph import example_for, to_onnx
from parcnet.deploy.prepare import in_form, sized
from parcnet.deploy.request import Request
from parcnet.layers.res_scale import ResScale

onnx = pytest.importorskip("onnx")

# in the operator tables of TensorRT 10's ONNX parser and of coremltools 8, both of which also want static shapes
TAKEN = {
    "Add", "Cast", "Concat", "Constant", "Conv", "Div", "Erf", "Flatten", "Gather", "Gelu", "Gemm", "GlobalAveragePool",
    "Identity", "LayerNormalization", "MatMul", "Mul", "Pow", "Reciprocal", "ReduceMean", "Reshape", "Slice", "Sqrt",
    "Squeeze", "Sub", "Transpose", "Unsqueeze",
}  # fmt: skip


@pytest.fixture(scope="module")
def graph():
    torch.manual_seed(0)
    model = sized(models.build("parcnetv2_digits", img_size=64), (64, 64))
    request = Request("onnx", 64, 64)
    prepared = in_form(model, torch.randn(1, 3, 64, 64), ("conv", "matmul", "dense", "conv"), "layer_norm")
    return to_onnx(prepared, example_for(request, 3), request, ("logits",))


def test_all_operators_are_supported_by_tensorrt_and_coreml(graph) -> None:
    assert {node.op_type for node in graph.graph.node} - TAKEN == set()
    assert {entry.domain for entry in graph.opset_import} <= {"", "ai.onnx"}


@pytest.mark.parametrize(("factor", "multiplications"), [(1.0, [0, 0, 0, 0]), (1.25, [0, 0, 2, 2])])
def test_res_scale_costs_one_multiplication_a_shortcut_and_none_where_its_factors_are_1(
    factor, multiplications
) -> None:
    """Blocks of stages 3 and 4 have two factors (ICCV 2023, Sec. 4.1), those of stages 1 and 2 none."""
    model = sized(models.build("parcnetv2_digits", img_size=64), (64, 64))
    for module in model.modules():
        if isinstance(module, ResScale):
            module.scale.data.fill_(factor)
    request = Request("onnx", 64, 64)
    prepared = in_form(model, torch.randn(1, 3, 64, 64), ("conv",) * 4, "layer_norm")
    found = to_onnx(prepared, example_for(request, 3), request, ("logits",)).graph
    constants = {tensor.name for tensor in found.initializer}
    scaled = [node for node in found.node if node.op_type == "Mul" and set(node.input) & constants]
    places = ["".join(entry.value for entry in node.metadata_props) for node in scaled]
    assert [sum(f"stages.{stage}.blocks." in place for place in places) for stage in range(4)] == multiplications


def test_every_shape_is_static(graph) -> None:
    inferred = onnx.shape_inference.infer_shapes(graph, strict_mode=True).graph
    tensors = [*inferred.input, *inferred.output, *inferred.value_info]
    assert all(dim.HasField("dim_value") and dim.dim_value > 0 for t in tensors for dim in t.type.tensor_type.shape.dim)
    named = {tensor.name for tensor in tensors}
    assert all(output in named for node in inferred.node for output in node.output)


def test_kernels_are_constants_none_computed_in_the_graph(graph) -> None:
    constants = {tensor.name for tensor in graph.graph.initializer}
    convolutions = [node for node in graph.graph.node if node.op_type == "Conv"]
    assert convolutions
    assert all(node.input[1] in constants for node in convolutions)
    assert not {node.op_type for node in graph.graph.node} & {"Resize", "DFT", "STFT", "Einsum", "If", "Loop"}


def test_the_graph_holds_no_local_paths(graph) -> None:
    assert b"site-packages" not in graph.SerializeToString()
    assert b".py" not in graph.SerializeToString()


def test_norms_are_one_operator_each(graph) -> None:
    counts = [node.op_type for node in graph.graph.node]
    assert counts.count("LayerNormalization") == 1 + 3 + 4 * 2 + 1  # stem, downsamples, two a block, head
