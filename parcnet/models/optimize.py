"""Freezes a trained network for fast inference at one image size."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch._inductor.config
from torch import Tensor, nn

from parcnet.layers.inference import MIXES
from parcnet.layers.packed import pack, unpackable
from parcnet.models.freezing import freezable_blocks, frozen, input_shapes
from parcnet.models.mix_timing import time_mixes
from parcnet.models.parcnetv2 import ParCNetV2

ENGINES = ("auto", "plain", "onednn", "inductor")


class OptimizedNetwork(nn.Module):
    """A network frozen for inference: the same logits for images of `image_size` (H, W), no gradients."""

    def __init__(
        self, network: nn.Module, image_size: tuple[int, int], engine: str, algorithms: tuple[str, ...]
    ) -> None:
        super().__init__()
        self.network = network
        self.image_size = image_size
        self.engine = engine
        self.algorithms = algorithms
        """The algorithm of each stage's local-global convolution."""

    def forward(self, x: Tensor) -> Tensor:
        if tuple(x.shape[-2:]) != self.image_size:
            expected, got = ("x".join(map(str, size)) for size in (self.image_size, x.shape[-2:]))
            raise ValueError(
                f"this network was optimized for images of {expected} px, got {got}: optimize it for that size"
            )
        with torch.no_grad():
            return self.network(x)

    def extra_repr(self) -> str:
        return f"image_size={self.image_size}, engine={self.engine!r}, algorithms={self.algorithms}"


def optimize(
    model: ParCNetV2,
    image: Tensor,
    *,
    engine: str = "auto",
    algorithm: str | tuple[str, ...] = "auto",
    factor: float = 4.0,
) -> OptimizedNetwork:
    """An inference network equal to `model` on images shaped like `image` [B, C, H, W]; `model` is unchanged.

    Kernels are resized to the image size, norm weights folded into the convolutions after them, and the gate, the GELU
    and the residual sum (with its ResScale) fused into convolutions. Blocks with the options of an ablation are not
    optimized.

    engine      "plain": ordinary torch operators, for export and any device. "onednn": packed CPU kernels, without
                compilation. "inductor": torch.compile with freezing, which compiles for half a minute and needs a C++
                compiler. "auto": onednn where supported, else plain.
    algorithm   of the local-global convolutions: "conv", "matmul" (constant Toeplitz matrices), "dense" (one merged
                kernel, supplement H), or one of these for each stage. "auto" times them on this machine, on maps of
                each stage, and takes the fastest: the outputs differ by rounding alone.
    factor      verified before returning: on `image` the error of the result is at most `factor` times that of `model`,
                both against float64. Noise is a valid image.

    A network of engine "onednn" or "inductor" cannot be copied or saved: keep the original model.

    Raises ValueError for an unknown engine or algorithm and an invalid image, TypeError for another network,
    RuntimeError if the verification fails.
    """
    if not isinstance(model, ParCNetV2):
        raise TypeError(f"optimize takes a ParCNetV2, got {type(model).__name__}: torch.compile serves other networks")
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}: expected one of {', '.join(ENGINES)}")
    algorithms = (algorithm,) * len(model.stages) if isinstance(algorithm, str) else tuple(algorithm)
    if len(algorithms) != len(model.stages) or not set(algorithms) <= {"auto", *MIXES}:
        raise ValueError(f"algorithm {algorithm!r}: expected auto or one of {', '.join(MIXES)}, or one for each stage")
    _check_image(image, model)
    image = image.contiguous(memory_format=torch.channels_last)
    reason = unpackable(image)
    if engine == "onednn" and reason is not None:
        raise ValueError(f"engine 'onednn' refuses: {reason}. Use engine='auto' or 'plain'")
    if engine == "auto":
        engine = "plain" if reason else "onednn"
    with torch.no_grad():
        shapes = input_shapes(model, image)
        algorithms = _resolved(algorithms, model, shapes, image, packed=engine != "plain" and reason is None)
        network: Any = frozen(model, shapes, algorithms)
        if engine == "onednn":
            pack(network, input_shapes(network, image))
        elif engine == "inductor":
            network = _Compiled(network)
        size = (image.shape[2], image.shape[3])
        optimized = OptimizedNetwork(network, size, engine, algorithms).eval()
        _verify_equal(optimized, model, image, factor)
    return optimized


class _Compiled(nn.Module):
    """A network under torch.compile with its weights as constants."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = torch.compile(network)

    def forward(self, x: Tensor) -> Tensor:
        # dynamo reads the settings whenever it traces, possibly again for another grad mode: torch.compile's own
        # `options` do not apply then. The C++ wrapper saves microseconds at each of a hundred calls.
        with torch._inductor.config.patch(freezing=True, cpp_wrapper=True):
            return self.network(x)


def _check_image(image: Tensor, model: ParCNetV2) -> None:
    weight = model.stem.conv.weight
    if image.dim() != 4 or image.shape[1] != model.in_chans:
        raise ValueError(
            f"image is [batch, {model.in_chans}, height, width] for this network, got {tuple(image.shape)}"
        )
    if image.dtype != weight.dtype or image.device != weight.device:
        raise ValueError(
            f"image is {image.dtype} on {image.device}, the network {weight.dtype} on {weight.device}: convert one"
        )
    if not image.isfinite().all():
        raise ValueError("image contains NaN or infinity, on which equality cannot be verified: expected finite values")


def _resolved(
    algorithms: tuple[str, ...], model: ParCNetV2, shapes: dict[str, list[int]], image: Tensor, *, packed: bool
) -> tuple[str, ...]:
    """`algorithms` with each "auto" replaced by the fastest on the stage's maps, timed on this machine."""
    resolved = []
    for stage, algorithm in enumerate(algorithms):
        blocks = freezable_blocks(model, stage)
        if algorithm == "auto" and blocks:
            path, block = blocks[0]
            times = time_mixes(block, shapes[path], image.dtype, image.device, packed=packed)
            algorithm = min(times, key=lambda name: times[name].median_ms)
        resolved.append("conv" if algorithm == "auto" else algorithm)
    return tuple(resolved)


def _verify_equal(optimized: nn.Module, model: nn.Module, image: Tensor, factor: float) -> None:
    plain = copy.deepcopy(model).eval()
    exact = copy.deepcopy(plain).double()(image.double())
    allowed = factor * (plain(image).double() - exact).norm() + torch.finfo(image.dtype).eps * exact.norm()
    error = (optimized(image).double() - exact).norm()
    if not error <= allowed:
        raise RuntimeError(
            f"the error of the optimized network is {error:.3g} (L2 of the logits), more than {allowed:.3g}, "
            f"{factor} times the error of the network itself: please report this with the network and the image size"
        )
