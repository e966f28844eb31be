"""No algorithm has a larger error than torch's convolutions, at any dtype, up to the largest maps."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from parcnet.ops import ALGORITHMS, image_blocks, oversized_conv2d
from parcnet.ops.oversized import Problem, matmul

FAST = [name for name in ALGORITHMS if name != "reference"]
Problems = Callable[..., list[Tensor]]
Answers = Callable[[str, list[Tensor], Tensor], list[Tensor]]


def plain(inputs: list[Tensor], upstream: Tensor) -> list[Tensor]:
    """Plain torch: two grouped convolutions."""
    x, kernel_h, kernel_w = inputs
    channels = x.shape[1]
    y = F.conv2d(x, kernel_h[:, None, :, None], padding=(kernel_h.shape[1] // 2, 0), groups=channels)
    z = F.conv2d(y, kernel_w[:, None, None, :], padding=(0, kernel_w.shape[1] // 2), groups=channels)
    return [z.detach(), *torch.autograd.grad(z, inputs, upstream.to(z.dtype))]


def assert_no_worse_than(
    candidate: Tensor, ordinary: list[Tensor], exact: Tensor, what: str, factor: float = 2.0
) -> None:
    """`candidate` may err `factor` times as much as plain torch does at the same dtype, in the layout in which that
    errs most; both against float64, largest error."""
    floor = torch.finfo(candidate.dtype).eps * exact.abs().max()
    allowed = factor * max((plain.double() - exact).abs().max() for plain in ordinary) + floor
    error = (candidate.double() - exact).abs().max()
    assert error <= allowed, f"{what} errs by {error:.2e}, plain torch allows {allowed:.2e}"


@pytest.mark.parametrize("algorithm", FAST)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("shape", [(2, 20, 14, 14), (2, 4, 28, 20), (1, 17, 56, 56), (3, 2, 1, 9)])
def test_errs_at_most_twice_as_much_as_plain_torch(
    problem: Problems,
    values_and_gradients: Answers,
    algorithm: str,
    dtype: torch.dtype,
    channels_last: bool,
    shape: tuple[int, ...],
) -> None:
    """`dense` may err eight times as much: it adds L_h L_w terms in one sum, the others twice L."""
    if algorithm == "dense":
        shape = (*shape[:2], min(28, shape[2]), min(28, shape[3]))
    contiguous = problem(*shape, dtype)
    last = [contiguous[0].detach().contiguous(memory_format=torch.channels_last).requires_grad_(), *contiguous[1:]]
    upstream = torch.randn(shape).to(dtype)
    layouts = [contiguous, last] if shape[1] > 16 else [contiguous]  # few channels: plain torch hangs in bfloat16
    ordinary = [plain(inputs, upstream) for inputs in layouts]
    wanted = plain([t.detach().double().requires_grad_() for t in contiguous], upstream.double())
    got = values_and_gradients(algorithm, last if channels_last else contiguous, upstream)
    factor = 8.0 if algorithm == "dense" else 2.0
    for k, what in enumerate(("y", "dx", "dkernel_h", "dkernel_w")):
        assert_no_worse_than(got[k], [each[k] for each in ordinary], wanted[k], f"{what} of {algorithm}", factor)


@pytest.mark.parametrize("algorithm", ["matmul", "fft"])
@pytest.mark.parametrize(("channels", "height", "width"), [(2, 512, 512), (3, 200, 334)])
def test_large_maps_agree_with_the_definition(
    values_and_gradients: Answers, problem: Problems, algorithm: str, channels: int, height: int, width: int
) -> None:
    """2048 px images and detection, against the other algorithm in float64 and, on three rows, Eqs. 1 and 2."""
    inputs = problem(1, channels, height, width, torch.float32)
    exact = [t.detach().double().requires_grad_() for t in inputs]
    upstream = torch.randn(1, channels, height, width)
    other = "fft" if algorithm == "matmul" else "matmul"
    got = values_and_gradients(algorithm, inputs, upstream)
    wanted = values_and_gradients(other, exact, upstream.double())
    for what, g, w in zip(("y", "dx", "dkernel_h", "dkernel_w"), got, wanted, strict=True):
        error = (g.double() - w).abs().max() / w.abs().max()
        assert error < 2e-6, f"{what} errs by {error:.1e} of the largest element"
    x, kernel_h, kernel_w = (t.detach() for t in exact)
    for i in (0, height // 2, height - 1):
        y = torch.einsum("cp,cpj->cj", kernel_h[:, height - 1 - i :][:, :height], x[0])
        z = F.conv1d(y[None], kernel_w[:, None], padding=width - 1, groups=channels)
        assert (got[0][0, :, i].double() - z[0]).abs().max() / z.abs().max() < 2e-6


class LargestTensor(TorchDispatchMode):
    """The bytes of the largest tensor that any operator makes."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(tensor, Tensor):
                self.bytes = max(self.bytes, tensor.untyped_storage().nbytes())
        return result


@pytest.fixture
def saved_bytes() -> Iterator[list[int]]:
    """Sizes in bytes of what autograd keeps for the backward pass."""
    sizes: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        sizes.append(tensor.untyped_storage().nbytes())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield sizes


@pytest.mark.parametrize("algorithm", ["matmul", "fft"])
def test_no_memory_grows_with_the_square_of_the_map(
    problem: Problems, monkeypatch: pytest.MonkeyPatch, saved_bytes: list[int], algorithm: str
) -> None:
    """Of 24 channels, matrices and spectra exist for two at a time, and the backward pass keeps the inputs alone."""
    monkeypatch.setattr(matmul, "MATRIX_BYTES", 2 * 128 * 128 * 4 * 2)  # two channels' pair of matrices: 256 KiB
    monkeypatch.setattr(image_blocks, "BLOCK_ELEMENTS", 2 * 128 * 128)
    inputs = problem(1, 24, 128, 128, torch.float32)
    given = sum(t.numel() * t.element_size() for t in inputs)
    map_bytes = inputs[0].numel() * 4
    with LargestTensor() as seen:
        oversized_conv2d(*inputs, algorithm=algorithm).sum().backward()
    assert sum(saved_bytes) <= given
    assert seen.bytes <= map_bytes  # 24 matrices at once would take as much again, their gradients four times


def test_blocks_of_images_and_channels_agree_with_the_whole(
    problem: Problems, values_and_gradients: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, upstream = problem(5, 7, 6, 5), torch.randn(5, 7, 6, 5, dtype=torch.float64)
    for algorithm in ("matmul", "fft"):
        whole = values_and_gradients(algorithm, inputs, upstream)
        monkeypatch.setattr(image_blocks, "BLOCK_ELEMENTS", 2 * 7 * 6 * 5)
        monkeypatch.setattr(matmul, "MATRIX_BYTES", 3 * (36 + 25) * 8)
        blocked = values_and_gradients(algorithm, inputs, upstream)
        monkeypatch.undo()
        for w, b in zip(whole, blocked, strict=True):
            torch.testing.assert_close(w, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("algorithm", ["matmul", "fft"])
def test_second_derivatives(problem: Problems, algorithm: str) -> None:
    inputs = problem(2, 2, 3, 4)
    assert torch.autograd.gradgradcheck(lambda *t: oversized_conv2d(*t, algorithm=algorithm), inputs)


@pytest.mark.parametrize("algorithm", FAST)
def test_gradients_of_single_samples_by_vmap(problem: Problems, algorithm: str) -> None:
    x, kernel_h, kernel_w = (t.detach() for t in problem(3, 2, 4, 5))

    def loss(image: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        return oversized_conv2d(image[None], rows, columns, algorithm=algorithm).square().sum()

    gradients = torch.func.vmap(torch.func.grad(loss, (1, 2)), (0, None, None))(x, kernel_h, kernel_w)
    for index in range(3):
        alone = torch.func.grad(loss, (1, 2))(x[index], kernel_h, kernel_w)
        for many, one in zip(gradients, alone, strict=True):
            torch.testing.assert_close(many[index], one)


def test_one_channel_of_matrices_beyond_the_limit_is_refused() -> None:
    side = 2896  # two matrices of 2896^2 floats are 64 MiB
    posed = Problem(1, 1, side, side, 2 * side - 1, 2 * side - 1, torch.float32, "cpu")
    assert "more than 32 MiB" in str(ALGORITHMS["matmul"].refuses(posed))
    assert ALGORITHMS["fft"].refuses(posed) is None
