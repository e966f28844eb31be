"""Where in a network: stages and layers by name, and their maps."""

from dataclasses import dataclass

from torch import Tensor, nn

from parcnet.base import UserError, nearest

_NAMED = 12  # a longer list of names helps nobody


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a network: the name of the module that makes its map."""

    name: str
    channels: int
    reduction: int
    """How often its map is smaller than the image, per side."""


def stages(model: nn.Module) -> list[Stage]:
    """The stages that a network of ours or timm's says it has, from the image on; none where it says nothing."""
    info = getattr(model, "feature_info", None) or []
    described = info if isinstance(info, list) else getattr(info, "info", [])
    names = {name for name, _ in model.named_modules()}
    return [
        Stage(name if (name := each["module"]) in names else name.replace(".", "_"), each["num_chs"], each["reduction"])
        for each in described  # timm's features_only form of a network writes stages_0 for stages.0
    ]


def finest_deep_stage(model: nn.Module, size: tuple[int, int], places: int = 4) -> str | None:
    """The deepest stage whose map has at least `places` x `places` on an image of `size` (H, W) px, else the first.

    On small images the last map may be a single place, on which nothing can be told apart. None: no stages are named.
    """
    known = stages(model)
    deep = [stage.name for stage in known if min(size) // stage.reduction >= places]
    return deep[-1] if deep else known[0].name if known else None


def stage_of(model: nn.Module, layer: str) -> int | None:
    """The number, from 1, of the stage that the module `layer` lies in; None outside of every stage."""
    for number, stage in enumerate(stages(model), 1):
        if layer == stage.name or layer.startswith(f"{stage.name}."):
            return number
    return None


def layer_name(model: nn.Module, layer: str | None) -> str:
    """The name of the module that `layer` means: a name, a stage's number from 1, or None for the last stage.

    Raises `UserError` listing the right names.
    """
    known = stages(model)
    numbered = ", ".join(f"{number} ({stage.name})" for number, stage in enumerate(known, 1))
    offered = f"Its stages are {numbered}." if known else "It names no stages."
    if layer is None:
        if not known:
            names = [name for name, _ in model.named_children()]
            raise UserError(
                f"a {type(model).__name__} does not say which of its layers are stages; name one with --layer. "
                f"Its parts are {', '.join(names[:_NAMED])}."
            )
        return known[-1].name
    if layer.isdigit():
        if not 1 <= int(layer) <= len(known):
            raise UserError(f"there is no stage {layer} in a {type(model).__name__}. {offered}")
        return known[int(layer) - 1].name
    names = [name for name, _ in model.named_modules() if name]
    if layer not in names:
        guesses = nearest(layer, names)
        meant = f" Did you mean {' or '.join(guesses)}?" if guesses else ""
        raise UserError(f"there is no layer {layer!r} in a {type(model).__name__}.{meant} {offered}")
    return layer


def as_map(model: nn.Module, layer: str, output: Tensor | None) -> Tensor:
    """What the layer answered, as a map [B, C, H, W]; a stage of a network that keeps channels last is turned.

    Raises `UserError` for a layer that was not called, or answers something without a height and a width.
    """
    if output is None:
        raise UserError(f"{layer} was not called with this image, or answers no tensor; name another layer.")
    if output.dim() != 4:
        raise UserError(
            f"{layer} answers {tuple(output.shape)}, which is no map [B, C, H, W]; name a layer whose answer has a "
            "height and a width."
        )
    number = stage_of(model, layer)
    channels = stages(model)[number - 1].channels if number is not None else None
    if channels is not None and output.shape[1] != channels and output.shape[3] == channels:
        return output.permute(0, 3, 1, 2)
    return output
