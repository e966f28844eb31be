"""The fused kernels on a CPU, through Triton's interpreter: forward and every gradient against float64.

`test_spatial_mix.py` runs this file in a process of its own, because TRITON_INTERPRET must be set before triton is
imported and changes every kernel of the process. By hand:

    TRITON_INTERPRET=1 python -m pytest tests/ops/triton/interpreted_spatial_mix.py
"""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from parcnet.layers import SpatialBGU
from parcnet.ops.oversized.reference import oversized_conv2d_reference
from parcnet.ops.triton import available, spatial_mix

NAMES = ("y", "d_features", "d_gate", "d_kernel_h", "d_kernel_w", "d_local")
STAGES = [(56, 56), (28, 28), (14, 14), (7, 7), (25, 42), (1, 1)]


def problem(
    channels: int, height: int, width: int, dtype: torch.dtype, layout: str, *, side: int = 7, batch: int = 2
) -> list[Tensor]:
    """features, gate, kernel_h, kernel_w, local; "sliced": both maps are halves of one tensor, gate first."""
    both = torch.randn(batch, 2 * channels, height, width).to(dtype)
    if layout != "contiguous":
        both = both.contiguous(memory_format=torch.channels_last)
    gate, features = both.chunk(2, dim=1)
    if layout in ("contiguous", "channels_last"):
        memory = torch.channels_last if layout == "channels_last" else torch.contiguous_format
        gate, features = gate.contiguous(memory_format=memory), features.contiguous(memory_format=memory)
    shapes = [(channels, 2 * height - 1), (channels, 2 * width - 1), (channels, 1, side, side)]
    return [t.detach().requires_grad_() for t in (features, gate, *(torch.randn(s).to(dtype) for s in shapes))]


def reference(features: Tensor, gate: Tensor, kernel_h: Tensor, kernel_w: Tensor, local: Tensor) -> Tensor:
    """The definition; the local convolution term by term as well."""
    mixed = oversized_conv2d_reference(features, kernel_h, kernel_w)
    side, height, width = local.shape[2], *features.shape[2:]
    seen = F.pad(features, [side // 2] * 4)
    for s in range(side):
        for t in range(side):
            mixed = mixed + local[:, :, s, t, None] * seen[:, :, s : s + height, t : t + width]
    return gate * mixed


def values_and_gradients(function, inputs: list[Tensor], upstream: Tensor) -> list[Tensor]:
    output = function(*inputs)
    return [output.detach(), *torch.autograd.grad(output, inputs, upstream.to(output.dtype))]


def assert_agrees(inputs: list[Tensor]) -> Tensor:
    """Every element of the output and of each gradient errs at most 8 roundings of the sum of its absolute terms."""
    upstream = torch.randn(inputs[0].shape).to(inputs[0].dtype)
    exact = [t.detach().double().requires_grad_() for t in inputs]
    magnitude = [t.detach().abs().requires_grad_() for t in exact]
    got = values_and_gradients(spatial_mix, inputs, upstream)
    wanted = values_and_gradients(reference, exact, upstream.double())
    scale = values_and_gradients(reference, magnitude, upstream.double().abs())
    for name, g, w, s in zip(NAMES, got, wanted, scale, strict=True):
        assert g.dtype == inputs[0].dtype
        assert g.shape == w.shape
        error = (g.double() - w).abs() - 8 * torch.finfo(g.dtype).eps * s
        assert error.max() <= 0, f"{name} is off by {error.max():.2e} beyond its bound"
        assert (g.double() - w).norm() <= 2 * torch.finfo(g.dtype).eps * w.norm(), name
    return got[0]


def test_the_interpreter_counts_as_available() -> None:
    assert available("cpu") is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("height", "width"), STAGES)
def test_every_stage_in_the_layout_of_the_network(dtype: torch.dtype, height: int, width: int) -> None:
    """channels_last, gate and features two halves of one tensor, a number of channels that is no power of two."""
    seconds_an_image = height * width > (700 if dtype == torch.float32 else 2000)
    assert_agrees(problem(3, height, width, dtype, "sliced", batch=1 if seconds_an_image else 2))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("layout", ["contiguous", "channels_last", "halves"])
def test_any_memory_layout(dtype: torch.dtype, layout: str) -> None:
    output = assert_agrees(problem(5, 9, 7, dtype, layout))
    memory = torch.contiguous_format if layout == "contiguous" else torch.channels_last
    assert output.is_contiguous(memory_format=memory)


def test_several_groups_of_channels() -> None:
    assert_agrees(problem(37, 5, 6, torch.bfloat16, "sliced"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_strided_maps_and_another_local_kernel(dtype: torch.dtype) -> None:
    inputs = problem(2, 6, 8, dtype, "contiguous", side=5)
    inputs[0] = torch.randn(2, 2, 8, 6).to(dtype).transpose(2, 3).requires_grad_()
    assert_agrees(inputs)


def test_shorter_kernels_equal_ones_padded_with_zeros() -> None:
    features, gate, kernel_h, kernel_w, local = (t.detach() for t in problem(3, 9, 7, torch.float32, "sliced"))
    short_h, short_w = kernel_h[:, 4:-4].requires_grad_(), kernel_w[:, 3:-3].requires_grad_()
    assert_agrees([features.requires_grad_(), gate.requires_grad_(), short_h, short_w, local.requires_grad_()])


def test_only_required_gradients_are_computed_and_an_empty_batch_has_none() -> None:
    features, gate, *kernels = (t.detach() for t in problem(2, 4, 4, torch.float32, "sliced"))
    output = spatial_mix(features, gate.requires_grad_(), *kernels)
    assert torch.autograd.grad(output.sum(), [gate])[0].shape == gate.shape
    empty = [features[:0].requires_grad_(), gate.detach()[:0], *(k.requires_grad_() for k in kernels)]
    gradients = torch.autograd.grad(spatial_mix(*empty).sum(), [empty[0], *kernels])
    assert [float(g.abs().sum()) for g in gradients] == [0, 0, 0, 0]


def test_the_same_inputs_give_the_same_bits() -> None:
    inputs = problem(3, 9, 7, torch.bfloat16, "sliced")
    upstream = torch.randn(2, 3, 9, 7)
    first, second = (values_and_gradients(spatial_mix, inputs, upstream) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # inside opcheck
def test_opcheck() -> None:
    inputs = problem(3, 4, 5, torch.float32, "sliced")
    torch.library.opcheck(torch.ops.parcnet.spatial_mix.default, tuple(inputs))
    ungated, features, *kernels = (t.detach() for t in inputs)
    torch.library.opcheck(torch.ops.parcnet.spatial_mix_transposed.default, (ungated, *kernels))
    torch.library.opcheck(torch.ops.parcnet.spatial_mix_kernel_gradients.default, (ungated, features, *kernels))


@pytest.mark.parametrize("kernel_fit", ["interpolate", "fixed"])
@pytest.mark.parametrize("size", [(6, 5), (4, 9)], ids=str)
def test_a_fused_spatial_bgu_is_the_unfused_one(size: tuple[int, int], kernel_fit: str) -> None:
    fused, plain = (SpatialBGU(3, (6, 5), kernel_fit=kernel_fit, algorithm=a) for a in ("fused", "auto"))
    plain.load_state_dict(fused.state_dict())
    x = torch.randn(2, 3, *size).contiguous(memory_format=torch.channels_last)
    got, wanted = (torch.autograd.grad(unit(x).square().sum(), list(unit.parameters())) for unit in (fused, plain))
    for g, w in zip(got, wanted, strict=True):
        torch.testing.assert_close(g, w, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(torch.fx.symbolic_trace(fused)(x), plain(x), rtol=1e-4, atol=1e-6)


def test_torch_compile_without_a_graph_break() -> None:
    inputs = problem(3, 6, 5, torch.float32, "sliced")
    upstream = torch.randn(2, 3, 6, 5)
    compiled = torch.compile(lambda *t: spatial_mix(*t) + 1, fullgraph=True, backend="aot_eager")
    got = values_and_gradients(compiled, inputs, upstream)
    wanted = values_and_gradients(lambda *t: spatial_mix(*t) + 1, inputs, upstream)
    for g, w in zip(got, wanted, strict=True):
        torch.testing.assert_close(g, w)


@pytest.mark.parametrize("compiled", [False, True])
def test_autocast_takes_everything_to_its_dtype_and_gradients_back(compiled: bool) -> None:
    inputs = problem(3, 6, 5, torch.float32, "sliced")
    inputs[0] = inputs[0].detach().bfloat16().requires_grad_()
    function = torch.compile(spatial_mix, fullgraph=True, backend="aot_eager") if compiled else spatial_mix
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = function(*inputs)
    assert output.dtype == torch.bfloat16
    gradients = torch.autograd.grad(output.float().sum(), inputs)
    assert [g.dtype for g in gradients] == [torch.bfloat16] + 4 * [torch.float32]
    half = [t.detach().bfloat16().requires_grad_() for t in inputs]
    for got, wanted in zip(gradients, torch.autograd.grad(spatial_mix(*half).float().sum(), half), strict=True):
        torch.testing.assert_close(got.bfloat16(), wanted)


def test_vmap_over_maps_and_over_kernels() -> None:
    features, gate, *kernels = (t.detach() for t in problem(3, 4, 5, torch.float32, "contiguous"))
    maps = torch.stack([features, -2 * features])
    got = torch.vmap(lambda f: spatial_mix(f, gate, *kernels))(maps)
    torch.testing.assert_close(got, torch.stack([spatial_mix(f, gate, *kernels) for f in maps]))
    several = torch.stack([kernels[0], 3 * kernels[0]], dim=1).requires_grad_()
    got = torch.vmap(lambda k: spatial_mix(features, gate, k, *kernels[1:]), in_dims=1)(several)
    wanted = torch.stack([spatial_mix(features, gate, k, *kernels[1:]) for k in several.unbind(1)])
    torch.testing.assert_close(got, wanted)
    upstream = torch.randn_like(wanted)
    gradients = [torch.autograd.grad(output, [several], upstream)[0] for output in (got, wanted)]
    torch.testing.assert_close(*gradients)


def test_gradients_of_several_upstreams_at_once() -> None:
    inputs = problem(3, 3, 2, torch.bfloat16, "sliced")
    output = spatial_mix(*inputs)
    upstreams = torch.randn(2, *output.shape).bfloat16()
    batched = torch.autograd.grad(output, inputs, upstreams, is_grads_batched=True, retain_graph=True)
    single = [torch.autograd.grad(output, inputs, upstream, retain_graph=True) for upstream in upstreams]
    for got, *wanted in zip(batched, *single, strict=True):
        torch.testing.assert_close(got, torch.stack(wanted))


def test_transforms_that_torch_does_not_give_custom_operators_are_refused() -> None:
    features, *others = (t.detach() for t in problem(2, 3, 3, torch.float32, "sliced"))
    with pytest.raises(RuntimeError, match="functorch transforms"):
        torch.func.grad(lambda f: spatial_mix(f, *others).sum())(features)


def test_a_second_derivative_is_refused_not_wrong() -> None:
    inputs = problem(2, 3, 3, torch.float32, "sliced")
    (first,) = torch.autograd.grad(spatial_mix(*inputs).square().sum(), inputs[:1], create_graph=True)
    with pytest.raises(RuntimeError, match="spatial_mix_transposed"):
        torch.autograd.grad(first.sum(), inputs)
