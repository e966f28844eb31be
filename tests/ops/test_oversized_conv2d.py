"""The operator: Eqs. 1 and 2 of the ICCV paper, and every algorithm against their definition."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from parcnet.ops import ALGORITHMS, oversized_conv2d
from parcnet.ops.oversized import Problem, choose

FAST = [name for name in ALGORITHMS if name != "reference"]
MAPS = [(1, 1), (1, 6), (5, 1), (2, 3), (7, 7), (8, 5), (14, 9)]


Problems = Callable[..., list[Tensor]]
Answers = Callable[[str, list[Tensor], Tensor], list[Tensor]]


def assert_agrees_with_definition(values_and_gradients: Answers, algorithm: str, inputs: list[Tensor]) -> None:
    """Every element of the output and of each gradient errs at most 8 roundings of the sum of its absolute terms.

    A Fourier transform mixes all elements: its errors are roundings of the largest sum, not of an element's own.
    """
    upstream = torch.randn_like(inputs[0])
    exact = [x.detach().double().requires_grad_() for x in inputs]
    magnitude = [x.detach().abs().requires_grad_() for x in exact]
    got = values_and_gradients(algorithm, inputs, upstream)
    wanted = values_and_gradients("reference", exact, upstream.double())
    scale = values_and_gradients("reference", magnitude, upstream.double().abs())
    for name, g, w, s in zip(("y", "dx", "dkernel_h", "dkernel_w"), got, wanted, scale, strict=True):
        assert g.dtype == inputs[0].dtype
        s = s.amax() if algorithm == "fft" else s
        error = (g.double() - w).abs() - 8 * torch.finfo(g.dtype).eps * s
        assert error.max() <= 0, f"{name} of {algorithm} is off by {error.max():.2e} beyond its bound"


def test_eq1_eq2_term_by_term(problem: Problems) -> None:
    """The sums of the paper written out with four loops."""
    height, width = 3, 4
    x, kernel_h, kernel_w = problem(1, 2, height, width)
    y, z = torch.zeros_like(x), torch.zeros_like(x)
    with torch.no_grad():
        for i in range(height):
            for p in range(height):
                y[0, :, i] += kernel_h[:, p - i + height - 1, None] * x[0, :, p]
        for j in range(width):
            for q in range(width):
                z[0, :, :, j] += kernel_w[:, q - j + width - 1, None] * y[0, :, :, q]
    torch.testing.assert_close(oversized_conv2d(x, kernel_h, kernel_w, algorithm="reference"), z)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_eq1_impulse_answers_with_the_flipped_kernel(problem: Problems, algorithm: str) -> None:
    _, kernel_h, kernel_w = problem(1, 2, 5, 4)
    impulse = torch.zeros(1, 2, 5, 4, dtype=torch.float64)
    impulse[:, :, 3, 1] = 1
    answer = oversized_conv2d(impulse, kernel_h, kernel_w, algorithm=algorithm)
    rows = kernel_h.flip(1)[:, 4 - 3 : 4 - 3 + 5]
    columns = kernel_w.flip(1)[:, 3 - 1 : 3 - 1 + 4]
    torch.testing.assert_close(answer[0], rows[:, :, None] * columns[:, None, :])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(("height", "width"), MAPS)
def test_gradcheck_in_float64(problem: Problems, algorithm: str, height: int, width: int) -> None:
    inputs = problem(2, 2, min(height, 5), min(width, 5))
    assert torch.autograd.gradcheck(lambda *t: oversized_conv2d(*t, algorithm=algorithm), inputs)


@pytest.mark.parametrize("algorithm", FAST)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize(("height", "width"), [*MAPS, (56, 56), (25, 42)])
def test_agrees_with_the_definition(
    problem: Problems, values_and_gradients: Answers, algorithm: str, dtype: torch.dtype, height: int, width: int
) -> None:
    batch, channels = (1, 2) if height * width > 1000 else (2, 3)
    assert_agrees_with_definition(values_and_gradients, algorithm, problem(batch, channels, height, width, dtype))


@pytest.mark.parametrize("algorithm", FAST)
@given(
    batch=st.integers(0, 3),
    channels=st.integers(1, 5),
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    seed=st.integers(0, 99),
)
def test_agrees_at_any_shape(
    problem: Problems,
    values_and_gradients: Answers,
    algorithm: str,
    batch: int,
    channels: int,
    height: int,
    width: int,
    seed: int,
) -> None:
    torch.manual_seed(seed)
    inputs = problem(batch, channels, height, width, torch.float32)
    if batch:
        assert_agrees_with_definition(values_and_gradients, algorithm, inputs)
    else:
        assert oversized_conv2d(*inputs, algorithm=algorithm).shape == (0, channels, height, width)


@pytest.mark.parametrize("algorithm", FAST)
@pytest.mark.parametrize("layout", ["channels_last", "transposed", "strided"])
def test_any_memory_layout_gives_the_same_answer(
    problem: Problems, values_and_gradients: Answers, algorithm: str, layout: str
) -> None:
    x, kernel_h, kernel_w = problem(2, 4, 6, 6, torch.float32)
    laid_out = {
        "channels_last": lambda t: t.contiguous(memory_format=torch.channels_last),
        "transposed": lambda t: t.transpose(2, 3).contiguous().transpose(2, 3),
        "strided": lambda t: t.repeat(1, 2, 1, 1)[:, :4].repeat_interleave(2, 3)[..., ::2],
    }[layout](x.detach()).requires_grad_()
    torch.testing.assert_close(laid_out.detach(), x.detach(), rtol=0, atol=0)
    assert_agrees_with_definition(values_and_gradients, algorithm, [laid_out, kernel_h, kernel_w])


@pytest.mark.parametrize("algorithm", [*FAST, "auto"])
def test_runs_under_torch_compile(problem: Problems, values_and_gradients: Answers, algorithm: str) -> None:
    inputs = problem(2, 3, 6, 5, torch.float32)
    upstream = torch.randn(2, 3, 6, 5)
    compiled = torch.compile(lambda *t: oversized_conv2d(*t, algorithm=algorithm), fullgraph=True, backend="aot_eager")
    output = compiled(*inputs)
    gradients = torch.autograd.grad(output, inputs, upstream)
    for got, wanted in zip([output, *gradients], values_and_gradients("reference", inputs, upstream), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)


def test_supplementary_b_vertical_and_horizontal_commute(problem: Problems) -> None:
    x, kernel_h, kernel_w = (t.detach() for t in problem(2, 3, 9, 7))
    swapped = oversized_conv2d(x.transpose(2, 3), kernel_w, kernel_h).transpose(2, 3)
    torch.testing.assert_close(oversized_conv2d(x, kernel_h, kernel_w), swapped, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_sec31_every_output_sees_every_input(problem: Problems, algorithm: str) -> None:
    x, kernel_h, kernel_w = problem(1, 1, 5, 6)
    jacobian = torch.autograd.functional.jacobian(
        lambda t: oversized_conv2d(t, kernel_h.detach(), kernel_w.detach(), algorithm=algorithm), x.detach()
    )
    assert (jacobian.abs() > 0).all()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_shorter_kernel_equals_one_padded_with_zeros(problem: Problems, algorithm: str) -> None:
    x, kernel_h, kernel_w = problem(2, 3, 8, 6, torch.float64)
    short_h, short_w = kernel_h[:, 4:-4].detach(), kernel_w[:, 5:-5].detach()
    padded_h = torch.nn.functional.pad(short_h, (4, 4))
    padded_w = torch.nn.functional.pad(short_w, (5, 5))
    torch.testing.assert_close(
        oversized_conv2d(x, short_h, short_w, algorithm=algorithm),
        oversized_conv2d(x, padded_h, padded_w, algorithm="reference"),
    )


@pytest.mark.parametrize("algorithm", FAST)
def test_autocast_takes_float32_kernels(problem: Problems, algorithm: str) -> None:
    x, kernel_h, kernel_w = problem(2, 3, 6, 6, torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = oversized_conv2d(x.bfloat16(), kernel_h, kernel_w, algorithm=algorithm)
    assert y.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((2, 3, 4), (3, 7), (3, 7)), "got shape"),
        (((2, 3, 0, 4), (3, 1), (3, 7)), "at least 1"),
        (((2, 3, 4, 4), (3, 8), (3, 7)), "kernel_h has 8 taps"),
        (((2, 3, 4, 4), (3, 7), (3, 9)), "at most 7"),
        (((2, 3, 4, 4), (4, 7), (3, 7)), "3 channels"),
        (((2, 3, 4, 4), (3, 1, 7), (3, 7)), "3 channels"),
    ],
)
def test_wrong_shapes_are_named(shapes: tuple[tuple[int, ...], ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        oversized_conv2d(*(torch.randn(shape) for shape in shapes))


def test_mixed_dtypes_and_unknown_algorithms_are_named(problem: Problems) -> None:
    x, kernel_h, kernel_w = problem(1, 2, 3, 3, torch.float32)
    with pytest.raises(ValueError, match="convert one, or run under"):
        oversized_conv2d(x, kernel_h.double(), kernel_w)
    with pytest.raises(ValueError, match="unknown algorithm 'fast'"):
        oversized_conv2d(x, kernel_h, kernel_w, algorithm="fast")


def test_a_named_algorithm_refuses_with_a_reason_and_is_never_replaced() -> None:
    huge = Problem(1, 512, 4096, 4096, 8191, 8191, torch.float32, "cpu")
    with pytest.raises(ValueError, match=r"'matmul' refuses this map: .* MiB.*Use one of: auto, conv, fft"):
        choose(huge, "matmul")
    with pytest.raises(ValueError, match=r"'dense' refuses this map: .* multiply-adds, more than 3.4e\+10"):
        choose(huge, "dense")
    assert choose(huge, "auto").refuses(huge) is None
