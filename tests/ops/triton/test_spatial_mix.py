"""The fused GPU operator where it cannot run: what it says, what it refuses, and its kernels in the interpreter."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from parcnet.ops.oversized import Problem
from parcnet.ops.triton import available, refuses, spatial_mix
from parcnet.ops.triton.tiling import LONGEST_SIDE, candidate_tilings, padded

INTERPRETED = Path(__file__).with_name("interpreted_spatial_mix.py")
HAS_TRITON = importlib.util.find_spec("triton") is not None


def inputs(height: int = 4, width: int = 5, channels: int = 3, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    shapes = [(2, channels, height, width)] * 2 + [(channels, 2 * height - 1), (channels, 2 * width - 1)]
    return [torch.randn(shape).to(dtype) for shape in [*shapes, (channels, 1, 7, 7)]]


@pytest.mark.skipif(not HAS_TRITON, reason="triton is not installed")
def test_the_kernels_agree_with_the_definition_in_the_interpreter() -> None:
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", str(INTERPRETED)]
    run = subprocess.run(
        command, cwd=INTERPRETED.parents[3], env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]


def test_imports_where_triton_is_not_installed() -> None:
    code = "import sys; sys.modules['triton'] = None; import parcnet.ops.triton"
    subprocess.run([sys.executable, "-c", code], cwd=INTERPRETED.parents[3], check=True, timeout=300)


@pytest.mark.skipif(bool(os.environ.get("TRITON_INTERPRET")), reason="the interpreter runs on CPUs")
def test_a_cpu_is_refused_with_the_reason_and_without_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert "triton is not installed" in available("cpu")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    assert "not on cpu" in available("cpu")
    with pytest.raises(RuntimeError, match="cannot run on cpu: it runs on CUDA"):
        spatial_mix(*inputs())


@pytest.mark.parametrize(
    ("height", "width", "dtype", "side", "reason"),
    [
        (56, 56, torch.bfloat16, 7, None),
        (25, 42, torch.float32, 7, None),
        (LONGEST_SIDE, 1, torch.float16, 15, None),
        (LONGEST_SIDE + 1, 7, torch.bfloat16, 7, "129x7, larger than 128x128"),
        (7, 7, torch.float64, 7, "not in torch.float64"),
        (7, 7, torch.bfloat16, 17, "17x17"),
    ],
)
def test_refuses_with_a_reason(height: int, width: int, dtype: torch.dtype, side: int, reason: str | None) -> None:
    features, gate, kernel_h, kernel_w, _ = inputs(height, width, dtype=dtype)
    answer = refuses(Problem.of(features, kernel_h, kernel_w), side)
    if reason is None:
        assert answer is None
        return
    assert re.search(reason, answer)
    with pytest.raises(ValueError, match=f"refuses this problem.*{reason}"):
        spatial_mix(features, gate, kernel_h, kernel_w, torch.randn(3, 1, side, side).to(dtype))


@pytest.mark.parametrize(
    ("position", "replacement", "message"),
    [
        (0, torch.randn(2, 3, 4), "batch, channels, height, width"),
        (1, torch.randn(2, 3, 4, 4), "same shape"),
        (2, torch.randn(3, 8), "8 taps"),
        (3, torch.randn(3, 11), "at most 9"),
        (3, torch.randn(4, 9), "3 channels"),
        (4, torch.randn(3, 1, 7, 5), "odd k"),
        (4, torch.randn(3, 1, 4, 4), "odd k"),
        (4, torch.randn(3, 1, 7, 7).bfloat16(), "convert one"),
    ],
)
def test_wrong_inputs_are_named(position: int, replacement: Tensor, message: str) -> None:
    wrong = inputs()
    wrong[position] = replacement
    with pytest.raises(ValueError, match=message):
        spatial_mix(*wrong)


@pytest.mark.parametrize("channels_last", [False, True])
def test_shapes_dtypes_and_layout_are_known_without_running(channels_last: bool) -> None:
    """What torch.compile sees."""
    both = torch.empty(2, 6, 4, 5, device="meta", dtype=torch.bfloat16)
    if channels_last:
        both = both.contiguous(memory_format=torch.channels_last)
    gate, features = both.chunk(2, dim=1)
    kernels = [torch.empty(s, device="meta", dtype=torch.bfloat16) for s in ((3, 7), (3, 9), (3, 1, 7, 7))]
    output = spatial_mix(features, gate, *kernels)
    assert (output.shape, output.dtype) == (features.shape, torch.bfloat16)
    assert output.is_contiguous(memory_format=torch.channels_last) == channels_last


@pytest.mark.parametrize("side", [1, 7, 14, 28, 42, 56, 100, 128])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("itemsize", [2, 4])
def test_tilings_have_powers_of_two_and_fit(side: int, channels_last: bool, itemsize: int) -> None:
    tilings = candidate_tilings(37, side, channels_last=channels_last, itemsize=itemsize)
    assert 1 <= len(tilings) <= 4
    for tiling in tilings:
        for number in (tiling.block_c, tiling.block_i, tiling.block_j, tiling.block_p, tiling.warps):
            assert number >= 1
            assert number & (number - 1) == 0
        assert min(tiling.block_i, tiling.block_j, tiling.block_p) >= 16
        assert padded(side) % tiling.block_j == 0


@pytest.mark.gpu
@pytest.mark.skipif(available("cuda") is not None, reason=str(available("cuda")))
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("size", [(56, 56), (28, 28), (14, 14), (7, 7), (25, 42), (1, 1), (100, 128)])
def test_on_a_gpu_no_worse_than_twice_plain_torch(dtype: torch.dtype, size: tuple[int, int]) -> None:
    def plain(f: Tensor, g: Tensor, kernel_h: Tensor, kernel_w: Tensor, local: Tensor) -> Tensor:
        y = F.conv2d(f, kernel_h[:, None, :, None], padding=(size[0] - 1, 0), groups=f.shape[1])
        y = F.conv2d(y, kernel_w[:, None, None, :], padding=(0, size[1] - 1), groups=f.shape[1])
        return g * (y + F.conv2d(f, local, padding=3, groups=f.shape[1]))

    leaves = [t.to("cuda").requires_grad_() for t in inputs(*size, channels=40, dtype=dtype)]
    upstream = torch.randn_like(leaves[0])
    exact = [t.detach().double().cpu().requires_grad_() for t in leaves]
    results = [
        [y, *torch.autograd.grad(y, given, up)]
        for y, given, up in (
            (spatial_mix(*leaves), leaves, upstream),
            (plain(*leaves), leaves, upstream),
            (plain(*exact), exact, upstream.double().cpu()),
        )
    ]
    for fused, usual, truth in zip(*results, strict=True):
        error, allowed = ((t.double().cpu() - truth).norm() / truth.norm() for t in (fused, usual))
        assert error <= 2 * allowed + 1e-6
