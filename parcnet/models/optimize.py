"""A trained network, frozen for one image size and made fast."""

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
    """The inference form of a network: same logits for images of `image_size` (H, W), no gradients."""

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
            wanted, got = ("x".join(map(str, size)) for size in (self.image_size, x.shape[-2:]))
            raise ValueError(f"this network was optimized for images of {wanted} px, got {got}: optimize it for those")
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
    """An inference network equal to `model` on images shaped like `image` [B, C, H, W]; `model` is left as it is.

    Kernels are baked for the size, norm weights folded into the convolutions after them, the gate, the GELU and the
    residual sum (with its ResScale) attached to convolutions. Blocks with the options of an ablation stay as they are.

    engine      "plain": ordinary torch operators, for export and any device. "onednn": packed CPU kernels, at once.
                "inductor": torch.compile with freezing, half a minute of compiling, needs a C++ compiler. "auto":
                onednn where it can, else plain.
    algorithm   of the local-global convolutions: "conv", "matmul" (constant Toeplitz matrices), "dense" (one merged
                kernel, supplement H), or one of these for each stage. "auto" times them here, on maps of each stage,
                and takes the fastest: the answers differ by rounding alone.
    factor      proof of equality, made before returning: on `image` the result may err at most `factor` times as much
                as `model` does, both against float64. Noise will do where no picture is at hand.

    A network of engine "onednn" or "inductor" cannot be copied or saved: keep the model it was made from.

    Raises ValueError for an unknown engine or algorithm and an unfit image, TypeError for another network,
    RuntimeError if the proof fails.
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
        algorithms = _settled(algorithms, model, shapes, image, packed=engine != "plain" and reason is None)
        network: Any = frozen(model, shapes, algorithms)
        if engine == "onednn":
            pack(network, input_shapes(network, image))
        elif engine == "inductor":
            network = _Compiled(network)
        size = (image.shape[2], image.shape[3])
        optimized = OptimizedNetwork(network, size, engine, algorithms).eval()
        _prove_equal(optimized, model, image, factor)
    return optimized


class _Compiled(nn.Module):
    """A network under torch.compile with its weights as constants."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = torch.compile(network)

    def forward(self, x: Tensor) -> Tensor:
        # dynamo reads the settings when it traces, which may be again for another grad mode: torch.compile's own
        # `options` come too late for it. The wrapper in C++ saves microseconds at each of a hundred calls.
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
        raise ValueError("image holds NaN or infinity, on which nothing can be proven equal: give a real image")


def _settled(
    algorithms: tuple[str, ...], model: ParCNetV2, shapes: dict[str, list[int]], image: Tensor, *, packed: bool
) -> tuple[str, ...]:
    """`algorithms` with each "auto" replaced by what is fastest for the stage's maps, here and now."""
    settled = []
    for stage, algorithm in enumerate(algorithms):
        found = freezable_blocks(model, stage)
        if algorithm == "auto" and found:
            path, block = found[0]
            times = time_mixes(block, shapes[path], image.dtype, image.device, packed=packed)
            algorithm = min(times, key=lambda name: times[name].median_ms)
        settled.append("conv" if algorithm == "auto" else algorithm)
    return tuple(settled)


def _prove_equal(optimized: nn.Module, model: nn.Module, image: Tensor, factor: float) -> None:
    plain = copy.deepcopy(model).eval()
    wanted = copy.deepcopy(plain).double()(image.double())
    allowed = factor * (plain(image).double() - wanted).norm() + torch.finfo(image.dtype).eps * wanted.norm()
    error = (optimized(image).double() - wanted).norm()
    if not error <= allowed:
        raise RuntimeError(
            f"the optimized network errs by {error:.3g} (L2 of the logits) where at most {allowed:.3g} is allowed, "
            f"{factor} times the error of the network itself: please report this with the network and the image size"
        )
