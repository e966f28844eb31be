"""The compared networks in the forms used in practice: ours, and peers in their fastest public configuration."""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import timm
import torch
from torch import Tensor, nn

import parcnet
from parcnet import models
from parcnet.base import UserError, unknown
from parcnet.deploy import export, open_exported
from parcnet_lab.bench.plain import in_nchw_memory

TAGS = ("tiny", "small", "base")
FORMS = {
    "eager": "as built, channels_last",
    "compiled": "torch.compile with freezing and its wrapper in C++, channels_last",
    "optimized": "parcnet.optimize(model, image), ours only",
    "inductor": 'parcnet.optimize(model, image, engine="inductor"), ours only',
    "plain": "eager in NCHW memory throughout, depthwise convolutions of torch, ours only",
    "openvino": "exported to OpenVINO and run by it in the same process",
}
"""Ways to run a network, by name."""

OURS, PEER = "ours", "peer"
_BY_OPTIMIZE = ("optimized", "inductor")
_OURS_ONLY = (*_BY_OPTIMIZE, "plain")
_AGREEMENT = {torch.float32: 1e-3, torch.bfloat16: 5e-2, torch.float16: 1e-2}  # of the logits' root mean square

Infer = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Contender:
    """A compared network: its registered name, its side (ours or peer), and the arguments that build it."""

    network: str
    side: str
    arguments: tuple[tuple[str, Any], ...] = ()

    def build(self) -> nn.Module:
        """Builds it with random weights from seed 0."""
        torch.manual_seed(0)
        return models.build(self.network, **dict(self.arguments))


def contenders(tag: str, image: int, peers: Sequence[str]) -> list[Contender]:
    """ParCNetV2 of a size and its peers; `convnext` stands for the ConvNeXt of the same tag.

    ConvNeXt is built with conv_mlp=True: on channels_last, 1x1 convolutions are faster than its linear layers.
    """
    ours = f"parcnetv2_{tag}"
    known = [name.removeprefix("parcnetv2_") for name in timm.list_models("parcnetv2_*")]
    if tag not in known:
        raise unknown("tag", tag, known)
    found = [Contender(ours, OURS, (("img_size", image),))]
    for peer in peers:
        name = peer if timm.is_model(peer) else f"{peer}_{tag}"
        if not timm.is_model(name):
            raise unknown(
                "peer", peer, timm.list_models(), f"There is no network {name!r}: name one with --peers NAME."
            )
        found.append(Contender(name, PEER, (("conv_mlp", True),) if name.startswith("convnext_") else ()))
    return found


def check_forms(forms: Iterable[str], known: Iterable[str] = FORMS) -> None:
    """Raises `UserError` for an unknown form, and if there is none."""
    forms, known = list(forms), list(known)
    if not forms:
        raise UserError(f"no form to time: name some of {', '.join(known)}.")
    for form in forms:
        if form not in known:
            raise unknown("form", form, known)


def forms_of(side: str, asked: Iterable[str]) -> list[str]:
    """The requested forms that are available for this side."""
    return [form for form in asked if (side == OURS or form not in _OURS_ONLY) and _exists(form)]


def in_form(model: nn.Module, form: str, image: Tensor) -> Infer:
    """A copy of `model` ready to run on images like `image`; compiled forms are compiled in here.

    Call it, and what it returns, under torch.inference_mode.
    """
    model = copy.deepcopy(model).eval()
    match form:
        case "eager":
            return _channels_last(model)
        case "compiled":
            return _frozen(_channels_last(model), image)
        case "optimized":
            return _optimize()(model, image)
        case "inductor":
            return _optimize()(model, image, engine="inductor")
        case "plain":
            return in_nchw_memory(model)
        case "openvino":
            return _exported(model, image)
    raise unknown("form", form, FORMS)


def agreement(infer: Infer, model: nn.Module, image: Tensor) -> str | None:
    """Why the form's logits differ from those of `model`, or None. The bound is on the largest difference."""
    wanted, got = model(image).double(), infer(image).double()
    if got.shape != wanted.shape:
        return f"its logits have shape {tuple(got.shape)}, expected {tuple(wanted.shape)}"
    error = float((got - wanted).abs().max() / wanted.square().mean().sqrt())
    bound = _AGREEMENT[image.dtype]
    return None if error <= bound else f"its logits are off by {error:.1e} of their root mean square, more than {bound}"


def _exists(form: str) -> bool:
    return form not in _BY_OPTIMIZE or hasattr(parcnet, "optimize")


def _optimize() -> Callable[..., nn.Module]:
    return parcnet.optimize


def _channels_last(model: nn.Module) -> nn.Module:
    return model.to(memory_format=torch.channels_last)


def _frozen(model: nn.Module, image: Tensor) -> Infer:
    # imported here: the compiler takes seconds to load
    from torch._inductor import config

    compiled = torch.compile(model, dynamic=False)
    with config.patch(freezing=True, cpp_wrapper=True):
        compiled(image)
    return compiled


def _exported(model: nn.Module, image: Tensor) -> Infer:
    size = (int(image.shape[-2]), int(image.shape[-1]))
    with TemporaryDirectory() as folder:
        # plain convolutions: measuring each stage in the runtime takes minutes and found the same there
        made = export(
            model, Path(folder) / "network.xml", format="openvino", size=size, batch=len(image), algorithm="conv"
        )
        return open_exported(made.path, torch.get_num_threads())
