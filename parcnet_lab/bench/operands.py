"""The tensors of one case, the timed call of an algorithm on them, and the check that precedes timing."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from parcnet.ops.oversized import ALGORITHMS, Algorithm
from parcnet_lab.bench.grid import Case

_LOOSEST = 64.0  # allowed error of an element in machine epsilons, relative to the root mean square of the exact output


@dataclass(frozen=True, slots=True)
class Operands:
    """Input [B, C, H, W], kernels [C, 2H-1] and [C, 2W-1], and the upstream gradient."""

    x: Tensor
    kernel_h: Tensor
    kernel_w: Tensor
    upstream: Tensor
    memory_format: torch.memory_format

    @classmethod
    def of(cls, case: Case, device: torch.device) -> "Operands":
        """Random tensors; the first and the last channel of the last image are those of `exact`."""
        memory_format = torch.channels_last if case.channels_last else torch.contiguous_format
        generator = torch.Generator(device).manual_seed(0)
        shape = (case.batch, case.channels, case.height, case.width)

        def fresh(*size: int) -> Tensor:
            return torch.randn(size, generator=generator, device=device).to(case.dtype)

        x, kernel_h, kernel_w = fresh(*shape), fresh(shape[1], 2 * shape[2] - 1), fresh(shape[1], 2 * shape[3] - 1)
        upstream = fresh(*shape)
        probe = exact(case.height, case.width, case.dtype, case.training)
        for place, channel in enumerate(picked(case.channels)):
            x[-1, channel] = probe.x[0, place]
            kernel_h[channel], kernel_w[channel] = probe.kernel_h[place], probe.kernel_w[place]
        x, upstream = (each.contiguous(memory_format=memory_format) for each in (x, upstream))
        for each in (x, kernel_h, kernel_w):
            each.requires_grad_(case.training)
        return cls(x, kernel_h, kernel_w, upstream, memory_format)

    def call(self, algorithm: Algorithm) -> Callable[[], list[Tensor]]:
        """What is timed: the output, and in training all three gradients, in the memory format of the input.

        An algorithm that works in another format pays for both conversions, as it would inside a network.
        """
        inputs = [self.x, self.kernel_h, self.kernel_w]

        def forward() -> list[Tensor]:
            with torch.inference_mode():
                return [algorithm.run(*inputs).contiguous(memory_format=self.memory_format)]

        def step() -> list[Tensor]:
            output = algorithm.run(*inputs).contiguous(memory_format=self.memory_format)
            if output.shape != self.upstream.shape:  # wrong, which the check reports
                return [output]
            dx, dkernel_h, dkernel_w = torch.autograd.grad(output, inputs, self.upstream)
            return [output.detach(), dx.contiguous(memory_format=self.memory_format), dkernel_h, dkernel_w]

        return step if self.x.requires_grad else forward


@dataclass(frozen=True, slots=True)
class ReferenceCase:
    """Operands of two channels of one map, and the float64 outputs of the definition (output, then gradients)."""

    x: Tensor
    kernel_h: Tensor
    kernel_w: Tensor
    upstream: Tensor
    answers: tuple[Tensor, ...]


def picked(channels: int) -> list[int]:
    """The channels that are checked: the first and the last."""
    return sorted({0, channels - 1})


@lru_cache(maxsize=16)
def exact(height: int, width: int, dtype: torch.dtype, training: bool) -> ReferenceCase:
    """Operands representable in `dtype`, and the reference's float64 outputs; cached by size of the map."""
    generator = torch.Generator().manual_seed(1)
    shapes = [(1, 2, height, width), (2, 2 * height - 1), (2, 2 * width - 1), (1, 2, height, width)]
    x, kernel_h, kernel_w, upstream = (torch.randn(shape, generator=generator).to(dtype) for shape in shapes)
    inputs = [each.double().requires_grad_(training) for each in (x, kernel_h, kernel_w)]
    output = ALGORITHMS["reference"].run(*inputs)
    gradients = torch.autograd.grad(output, inputs, upstream.double()) if training else ()
    return ReferenceCase(x, kernel_h, kernel_w, upstream, (output.detach(), *gradients))


def disagreement(algorithm: Algorithm, case: Case, operands: Operands) -> str | None:
    """Why the algorithm's results on this case are wrong, or None: first and last channel against float64.

    An element may be off by 64 machine epsilons of the exact output's root mean square, or by the square root of the
    number of terms that a merged kernel sums; a missing row or a shifted tap is off by that root mean square itself.
    """
    probe, places = exact(case.height, case.width, case.dtype, case.training), picked(case.channels)
    upstream = torch.zeros_like(operands.upstream)  # other images must not contribute to the gradients of the kernels
    upstream[-1, places] = probe.upstream[0, : len(places)].to(upstream.device)
    got = replace(operands, upstream=upstream).call(algorithm)()
    names = ("the output", "the gradient of x", "the gradient of kernel_h", "the gradient of kernel_w")
    expected_shapes = [operands.x.shape, operands.x.shape, operands.kernel_h.shape, operands.kernel_w.shape]
    for name, answer, wanted, shape in zip(names, got, probe.answers, expected_shapes, strict=False):
        if answer.shape != shape:
            return f"{name} has shape {tuple(answer.shape)}, expected {tuple(shape)}"
        share = answer[-1:, places] if answer.dim() == 4 else answer[places]
        right = wanted[:, : len(places)] if wanted.dim() == 4 else wanted[: len(places)]
        error = (share.detach().cpu().double() - right).abs().max() / right.square().mean().sqrt()
        bound = max(_LOOSEST, ((2 * case.height - 1) * (2 * case.width - 1)) ** 0.5) * torch.finfo(case.dtype).eps
        if not error <= bound:  # also false for NaN
            return f"{name} is off by {error:.1e} of its root mean square, more than {bound:.1e}"
    return None
