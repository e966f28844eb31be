"""The oversized convolution and the bifurcate gate unit inside any network of timm."""

import copy
from collections.abc import Sequence
from fnmatch import fnmatchcase

from timm.layers import to_2tuple
from torch import nn

from parcnet.base import UserError
from parcnet.base.errors import nearest
from parcnet.layers.options import Gate, check_option
from parcnet.models.adapting.adapted import Adapted, Change
from parcnet.models.adapting.observed_shapes import ObservedShapes, observe
from parcnet.models.adapting.replacements import Mixing, Refused, channel_mixer, token_mixer
from parcnet.models.complexity import complexity


def adapt(
    model: nn.Module,
    *,
    depthwise: str | Sequence[str] = (),
    mlp: str | Sequence[str] = (),
    mixing: Mixing = "beside",
    gate: Gate = "none",
    expansion: float | None = None,
    start: str = "unchanged",
    img_size: int | tuple[int, int] | None = None,
    kernel_fit: str = "interpolate",
    algorithm: str = "auto",
) -> Adapted:
    """A copy of `model` with layers of ParCNetV2, see `Adapted`. The model itself is unchanged.

        parcnet.adapt(timm.create_model("convnext_tiny"), depthwise="*.conv_dw").model      ConvNeXt-T + OC
        parcnet.adapt(timm.create_model("convnext_tiny"), depthwise="*.conv_dw", mlp="*.mlp", mixing="keep",
                      gate="multiply", expansion=5 / 3)                                     ConvNeXt-T + BGU

    Both are the networks of ICCV 2023, supplement, Tab. 1: `convnext_tiny_oversized` and `convnext_tiny_bgu`.

    depthwise   names of depthwise convolutions in `model.named_modules()`; `*` matches anything
    mlp         names of feed-forward networks (such as timm's `Mlp`), each replaced by a `ChannelBGU`
    mixing      the oversized convolution "beside" the depthwise one, whose weights are kept; "instead" of it; or "keep"
                the depthwise one alone, to add only gates
    gate        "multiply" or "add": a `SpatialBGU` around the depthwise part, with new weights; "none": no gated unit
    expansion   hidden width of the channel units over C; None: as many weights as the replaced network
    start       "unchanged": oversized convolutions beside others start at zero, so that a trained network's outputs are
                unchanged at first; "random": as in ParCNetV2
    img_size    side of the images, or (H, W), which determines the kernels' lengths. None: timm's input size of the
                network. Other sizes work afterwards, see `kernel_fit` of `OversizedConv2d`

    Modules that match a pattern but cannot be adapted are kept and listed with the reason. Raises `UserError` if
    nothing can be adapted, if a pattern matches nothing, and for unknown options.
    """
    for name, value, options in (("mixing", mixing, Mixing), ("gate", gate, Gate)):
        try:
            check_option(name, value, options)
        except ValueError as error:
            raise UserError(str(error)) from None
    if start not in ("unchanged", "random"):
        raise UserError(f"start is 'unchanged' or 'random', got {start!r}")
    if gate != "none" and mixing == "instead":
        raise UserError(f"mixing 'instead' has no gated unit: with gate {gate!r} expected 'beside' or 'keep'")
    if mixing == "keep" and gate == "none" and _listed(depthwise):
        raise UserError("mixing 'keep' without a gate changes no convolution: leave `depthwise` out, or choose a gate")
    if not _listed(depthwise) and not _listed(mlp):
        raise UserError('say what to adapt, such as depthwise="*.conv_dw" or mlp="*.mlp"')
    adapted, image = copy.deepcopy(model), _image(model, img_size)
    kinds = dict.fromkeys(_named(adapted, "depthwise", depthwise), "depthwise")
    kinds |= dict.fromkeys(_named(adapted, "mlp", mlp), "mlp")
    changed, refused = [], {}

    def replacement(name: str, shapes: ObservedShapes) -> nn.Module:
        module = adapted.get_submodule(name)
        if kinds[name] == "mlp":
            return channel_mixer(module, shapes, gate=gate, expansion=expansion)
        return token_mixer(
            module,
            shapes,
            mixing=mixing,
            gate=gate,
            unchanged=start == "unchanged",
            kernel_fit=kernel_fit,
            algorithm=algorithm,
        )

    for name, shapes in observe(adapted, kinds, image).items():
        before = adapted.get_submodule(name)
        try:
            after = replacement(name, shapes)
        except Refused as reason:
            refused[name] = str(reason)
            continue
        reference = next(before.parameters())
        adapted.set_submodule(name, after.to(reference.device, reference.dtype).train(before.training))
        changed.append(Change(name, type(before).__name__, type(after).__name__))
    if not changed:
        reasons = "".join(f"\n  {name}: {reason}" for name, reason in list(refused.items())[:10])
        raise UserError(f"nothing of {type(model).__name__} can be adapted:{reasons}")
    return Adapted(adapted, tuple(changed), refused, complexity(model, image), complexity(adapted, image), image)


def _named(model: nn.Module, kind: str, patterns: str | Sequence[str]) -> list[str]:
    names = [name for name, _ in model.named_modules() if name]
    matches = []
    for pattern in _listed(patterns):
        matching = [name for name in names if fnmatchcase(name, pattern)]
        if not matching:
            guesses = nearest(pattern.rpartition(".")[2].strip("*"), {name.rpartition(".")[2] for name in names})
            suggestions = " or ".join(f"'*.{guess}'" for guess in guesses)
            hint = f"Did you mean {suggestions}?" if suggestions else f"Its modules are {', '.join(names[:5])}, ..."
            raise UserError(f"{kind} pattern {pattern!r} matches no module of {type(model).__name__}. {hint}")
        matches += matching
    return list(dict.fromkeys(matches))


def _listed(patterns: str | Sequence[str]) -> list[str]:
    return [patterns] if isinstance(patterns, str) else list(patterns)


def _image(model: nn.Module, img_size: int | tuple[int, int] | None) -> tuple[int, int, int]:
    """(channels, height, width) of the image: `img_size`, else timm's input size of the network, else 224 px."""
    convolutions = (module for module in model.modules() if isinstance(module, nn.Conv2d))
    first = next(convolutions, None)
    channels = 3 if first is None else first.in_channels
    if img_size is None:
        config = getattr(model, "pretrained_cfg", None) or {}
        return channels, *config.get("input_size", (3, 224, 224))[-2:]
    height, width = to_2tuple(img_size)
    if min(height, width) < 1:
        raise UserError(f"img_size is {img_size}: expected at least 1 px a side")
    return channels, height, width
