"""Circular convolution: its definition, every algorithm against it, and its equivariance to circular shifts."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from parcnet.ops import CIRCULAR_ALGORITHMS, circular_conv2d, fit_circular, oversized_conv2d
from parcnet.ops.circular import choose_circular
from parcnet.ops.layout import is_channels_last
from parcnet.ops.oversized import Problem

FAST = [name for name in CIRCULAR_ALGORITHMS if name != "reference"]
NAMES = ("x", "kernel", "bias", "position")


def problem(
    batch: int, channels: int, height: int, width: int, axis: str, dtype: torch.dtype = torch.float64
) -> dict[str, Tensor]:
    """x, kernel, bias and position that ask for gradients."""
    length = height if axis == "h" else width
    shapes = ((batch, channels, height, width), (channels, length), (channels,), (channels, length))
    return {name: torch.randn(shape).to(dtype).requires_grad_() for name, shape in zip(NAMES, shapes, strict=True)}


def answers(inputs: dict[str, Tensor], axis: str, algorithm: str, upstream: Tensor) -> list[Tensor]:
    """The output and the gradients of all four inputs."""
    output = circular_conv2d(**inputs, axis=axis, algorithm=algorithm)
    return [output.detach(), *torch.autograd.grad(output, list(inputs.values()), upstream.to(output.dtype))]


def assert_agrees_with_definition(inputs: dict[str, Tensor], axis: str, algorithm: str) -> None:
    """Every element errs at most 8 roundings of the sum of its absolute terms; of the largest sum, by transforms."""
    upstream = torch.randn_like(inputs["x"])
    exact = {name: t.detach().double().requires_grad_() for name, t in inputs.items()}
    magnitude = {name: t.detach().abs().requires_grad_() for name, t in exact.items()}
    got = answers(inputs, axis, algorithm, upstream)
    wanted = answers(exact, axis, "reference", upstream.double())
    scale = answers(magnitude, axis, "reference", upstream.double().abs())
    for name, g, w, s in zip(("y", *(f"d{name}" for name in NAMES)), got, wanted, scale, strict=True):
        assert g.dtype == inputs["x"].dtype
        s = s.amax() if algorithm == "fft" else s
        error = (g.double() - w).abs() - 8 * torch.finfo(g.dtype).eps * s
        assert error.max() <= 0, f"{name} of {algorithm} is off by {error.max():.2e} beyond its bound"


def test_the_definition_term_by_term() -> None:
    height = 5
    p = {name: t.detach() for name, t in problem(1, 2, height, 3, "h").items()}
    wanted = torch.empty_like(p["x"])
    for i in range(height):
        terms = [
            p["kernel"][:, k, None] * (p["x"][0, :, (i + k) % height] + p["position"][:, (i + k) % height, None])
            for k in range(height)
        ]
        wanted[0, :, i] = p["bias"][:, None] + torch.stack(terms).sum(0)
    torch.testing.assert_close(circular_conv2d(**p, axis="h", algorithm="reference"), wanted)


@pytest.mark.parametrize("axis", ["h", "w"])
@pytest.mark.parametrize("algorithm", CIRCULAR_ALGORITHMS)
def test_gradcheck_in_float64(algorithm: str, axis: str) -> None:
    inputs = problem(2, 2, 5, 4, axis)
    assert torch.autograd.gradcheck(
        lambda *t: circular_conv2d(**dict(zip(NAMES, t, strict=True)), axis=axis, algorithm=algorithm),
        list(inputs.values()),
    )


@pytest.mark.parametrize("axis", ["h", "w"])
@pytest.mark.parametrize("algorithm", FAST)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 6), (7, 1), (14, 9), (11, 22), (28, 28)])
def test_agrees_with_the_definition(algorithm: str, axis: str, dtype: torch.dtype, height: int, width: int) -> None:
    assert_agrees_with_definition(problem(2, 3, height, width, axis, dtype), axis, algorithm)


@pytest.mark.parametrize("algorithm", FAST)
@given(
    batch=st.integers(0, 3),
    channels=st.integers(1, 5),
    height=st.integers(1, 13),
    width=st.integers(1, 13),
    axis=st.sampled_from("hw"),
    channels_last=st.booleans(),
    seed=st.integers(0, 99),
)
def test_agrees_at_any_shape_and_keeps_the_layout(
    algorithm: str, batch: int, channels: int, height: int, width: int, axis: str, channels_last: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    inputs = problem(batch, channels, height, width, axis, torch.float32)
    if channels_last:
        x = inputs["x"].detach().contiguous(memory_format=torch.channels_last)
        inputs["x"] = x.requires_grad_()
    output = circular_conv2d(**inputs, axis=axis, algorithm=algorithm)
    assert output.shape == inputs["x"].shape
    if batch:
        assert is_channels_last(output) == is_channels_last(inputs["x"])
        assert_agrees_with_definition(inputs, axis, algorithm)


@pytest.mark.parametrize("algorithm", CIRCULAR_ALGORITHMS)
@given(height=st.integers(1, 9), width=st.integers(1, 9), axis=st.sampled_from("hw"), shift=st.integers(-10, 10))
def test_the_operator_is_equivariant_to_circular_shifts(
    algorithm: str, height: int, width: int, axis: str, shift: int
) -> None:
    p = {name: t.detach() for name, t in problem(1, 2, height, width, axis).items()}

    def answer(x: Tensor) -> Tensor:
        return circular_conv2d(x, p["kernel"], axis=axis, bias=p["bias"], algorithm=algorithm)

    moved = answer(p["x"].roll((shift, -shift), (2, 3)))
    torch.testing.assert_close(moved, answer(p["x"]).roll((shift, -shift), (2, 3)))


def test_a_position_embedding_breaks_the_equivariance() -> None:
    p = {name: t.detach() for name, t in problem(1, 2, 6, 6, "h").items()}
    moved = circular_conv2d(**{**p, "x": p["x"].roll(1, 2)}, axis="h")
    assert not torch.allclose(moved, circular_conv2d(**p, axis="h").roll(1, 2))


@pytest.mark.parametrize("algorithm", CIRCULAR_ALGORITHMS)
def test_vertical_and_horizontal_commute(algorithm: str) -> None:
    """Without embeddings and biases: ICCV 2023, supplement B, for the operator it was written about."""
    x, down, across = torch.randn(2, 3, 6, 9), torch.randn(3, 6), torch.randn(3, 9)
    one = circular_conv2d(circular_conv2d(x, down, axis="h"), across, axis="w", algorithm=algorithm)
    other = circular_conv2d(circular_conv2d(x, across, axis="w", algorithm=algorithm), down, axis="h")
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_it_is_the_oversized_convolution_with_a_periodic_kernel() -> None:
    """kernel_h[p-i+H-1] = kernel[(p-i) mod H]: what ParCNetV2 freed from its period."""
    x, kernel = torch.randn(2, 3, 7, 5, dtype=torch.float64), torch.randn(3, 7, dtype=torch.float64)
    periodic = torch.cat([kernel[:, 1:], kernel], 1)
    wanted = oversized_conv2d(x, periodic, torch.ones(3, 1, dtype=torch.float64))
    torch.testing.assert_close(circular_conv2d(x, kernel, axis="h"), wanted)


@given(old=st.integers(1, 40), new=st.integers(2, 40))
def test_fitting_is_bilinear_with_aligned_corners(old: int, new: int) -> None:
    kernel = torch.randn(2, old, dtype=torch.float64)
    wanted = F.interpolate(kernel[:, None, :, None], (new, 1), mode="bilinear", align_corners=True)[:, 0, :, 0]
    torch.testing.assert_close(fit_circular(kernel, new), wanted, rtol=1e-12, atol=1e-12)


def test_fitting_to_length_one_keeps_the_tap_at_offset_0() -> None:
    assert fit_circular(torch.tensor([[1.0, 2.0, 3.0]]), 1).tolist() == [[1.0]]


@pytest.mark.parametrize("algorithm", [*FAST, "auto"])
def test_runs_under_torch_compile(algorithm: str) -> None:
    inputs = problem(2, 3, 6, 5, "w", torch.float32)
    upstream = torch.randn(2, 3, 6, 5)
    wanted = answers(inputs, "w", "reference", upstream)

    def forward(x: Tensor, kernel: Tensor, bias: Tensor, position: Tensor) -> Tensor:
        return circular_conv2d(x, kernel, axis="w", bias=bias, position=position, algorithm=algorithm)

    output = torch.compile(forward, fullgraph=True, backend="aot_eager")(**inputs)
    gradients = torch.autograd.grad(output, list(inputs.values()), upstream)
    for got, expected in zip([output, *gradients], wanted, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("algorithm", FAST)
def test_gradients_of_single_samples_by_vmap(algorithm: str) -> None:
    p = {name: t.detach() for name, t in problem(3, 2, 4, 5, "h").items()}

    def loss(image: Tensor, kernel: Tensor) -> Tensor:
        return circular_conv2d(image[None], kernel, axis="h", algorithm=algorithm).square().sum()

    many = torch.func.vmap(torch.func.grad(loss, 1), (0, None))(p["x"], p["kernel"])
    for index in range(3):
        torch.testing.assert_close(many[index], torch.func.grad(loss, 1)(p["x"][index], p["kernel"]))


@pytest.mark.parametrize("algorithm", FAST)
def test_autocast_takes_float32_weights(algorithm: str) -> None:
    inputs = problem(2, 3, 6, 6, "h", torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert circular_conv2d(**inputs, axis="h", algorithm=algorithm).dtype == torch.bfloat16


def test_auto_takes_conv_for_short_and_fft_for_long_kernels() -> None:
    def chosen(length: int, training: bool, symbolic: bool = False) -> str:
        posed = Problem(1, 8, length, length, 1, length, torch.float32, "cpu", training, symbolic=symbolic)
        return choose_circular(posed).name

    assert [chosen(14, False), chosen(112, False), chosen(113, False)] == ["conv", "conv", "fft"]
    assert [chosen(14, True), chosen(56, True)] == ["conv", "fft"]
    assert chosen(500, True, symbolic=True) == "conv"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"axis": "v"}, "axis is 'h' or 'w', got 'v'"),
        ({"kernel": torch.randn(3, 5)}, r"kernel has 5 taps: expected 4, .*; fit_circular\(kernel, 4\)"),
        ({"position": torch.randn(3, 7)}, "position has 7 taps"),
        ({"kernel": torch.randn(2, 4)}, "3 channels"),
        ({"bias": torch.randn(2)}, r"bias is \[3\].*got \[2\]"),
        ({"x": torch.randn(3, 4, 6)}, "got shape"),
        ({"kernel": torch.randn(3, 4).double()}, "convert one"),
        ({"algorithm": "fast"}, "unknown algorithm 'fast': expected 'auto' or one of conv, fft, reference"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, object], message: str) -> None:
    right = {"x": torch.randn(2, 3, 4, 6), "kernel": torch.randn(3, 4), "axis": "h"}
    with pytest.raises(ValueError, match=message):
        circular_conv2d(**{**right, **arguments})


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_a_named_algorithm_refuses_with_a_reason_and_is_never_replaced() -> None:
    kernel = torch.randn(3, 4)
    with pytest.raises(ValueError, match=r"'fft' refuses this map: .*freeze.*Use one of: auto, conv"):
        torch.jit.trace(lambda x: circular_conv2d(x, kernel, axis="h", algorithm="fft"), torch.randn(2, 3, 4, 6))
