"""Stages and layers of a network by name, and their feature maps."""

from dataclasses import dataclass

from torch import Tensor, nn

from parcnet.base import UserError, nearest
from parcnet.base.whole_numbers import whole_number

_LISTED = 12  # module names in an error


@dataclass(frozen=True, slots=True)
class StageInfo:
    """A stage of a network, as in timm's `feature_info`."""

    name: str
    """Of the module whose output is the stage's feature map."""
    channels: int
    reduction: int
    """Side of the image divided by the side of the feature map."""


def stages(model: nn.Module) -> list[StageInfo]:
    """The stages in `feature_info` of a network of ours or timm's, from input to output; empty without it."""
    info = getattr(model, "feature_info", None) or []
    described = info if isinstance(info, list) else getattr(info, "info", [])
    names = {name for name, _ in model.named_modules()}
    return [
        StageInfo(
            name if (name := each["module"]) in names else name.replace(".", "_"), each["num_chs"], each["reduction"]
        )
        for each in described  # timm's features_only networks write stages_0 for stages.0
    ]


def deepest_resolved_stage(model: nn.Module, size: tuple[int, int], side: int = 4) -> str | None:
    """The deepest stage with a feature map of at least `side` x `side` for images of `size` (H, W) px, else the first.

    On small images the last feature map may be a single position. None if the network has no named stages.
    """
    known = stages(model)
    deep = [stage.name for stage in known if min(size) // stage.reduction >= side]
    return deep[-1] if deep else known[0].name if known else None


def stage_of(model: nn.Module, layer: str) -> int | None:
    """The number, from 1, of the stage that contains the module `layer`; None outside every stage."""
    for number, stage in enumerate(stages(model), 1):
        if layer == stage.name or layer.startswith(f"{stage.name}."):
            return number
    return None


def layer_name(model: nn.Module, layer: str | None) -> str:
    """The name of the module `layer`: a module's name, a stage's number from 1, or None for the last stage.

    Raises `UserError` listing the valid names.
    """
    known = stages(model)
    numbered = ", ".join(f"{number} ({stage.name})" for number, stage in enumerate(known, 1))
    valid = f"Its stages are {numbered}." if known else "It lists no stages."
    if layer is None:
        if not known:
            names = [name for name, _ in model.named_children()]
            raise UserError(
                f"a {type(model).__name__} does not list its stages in feature_info; name a layer with --layer. "
                f"Its modules are {', '.join(names[:_LISTED])}."
            )
        return known[-1].name
    number = whole_number(layer)
    if number is not None:
        if not 1 <= number <= len(known):
            raise UserError(f"there is no stage {layer} in a {type(model).__name__}. {valid}")
        return known[number - 1].name
    names = [name for name, _ in model.named_modules() if name]
    if layer not in names:
        guesses = nearest(layer, names)
        hint = f" Did you mean {' or '.join(guesses)}?" if guesses else ""
        raise UserError(f"there is no layer {layer!r} in a {type(model).__name__}.{hint} {valid}")
    return layer


def as_map(model: nn.Module, layer: str, output: Tensor | None) -> Tensor:
    """The output of `layer` as a feature map [B, C, H, W]; an NHWC stage is permuted.

    Raises `UserError` for a layer that did not run, and for an output without height and width.
    """
    if output is None:
        raise UserError(f"{layer} does not run on this image, or returns no tensor; name another layer.")
    if output.dim() != 4:
        raise UserError(
            f"{layer} returns {tuple(output.shape)}; expected a feature map [B, C, H, W]. Name another layer."
        )
    number = stage_of(model, layer)
    channels = stages(model)[number - 1].channels if number is not None else None
    if channels is not None and output.shape[1] != channels and output.shape[3] == channels:
        return output.permute(0, 3, 1, 2)
    return output
