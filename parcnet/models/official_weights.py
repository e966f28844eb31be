"""Checkpoints of the authors' ParCNetV2 code, turned into ours."""

from __future__ import annotations

import argparse
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from timm.models import clean_state_dict
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.models.fitting import fit_checkpoint, load_exactly
from parcnet.models.parcnetv2 import ParCNetV2

_WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model")  # where training scripts put weights; EMA first
_RENAMES: tuple[tuple[str, str], ...] = (
    (r"downsample_layers\.0\.conv\.(weight|bias)", r"stem.conv.\1"),
    (r"downsample_layers\.0\.post_norm\.weight", r"stem.norm.weight"),
    (r"downsample_layers\.([123])\.conv\.(weight|bias)", r"stages.\1.downsample.conv.\2"),
    (r"downsample_layers\.([123])\.pre_norm\.weight", r"stages.\1.downsample.norm.weight"),
    (r"stages\.(\d+)\.(\d+)\.norm([12])\.weight", r"stages.\1.blocks.\2.norm\3.weight"),
    (r"stages\.(\d+)\.(\d+)\.res_scale([12])\.scale", r"stages.\1.blocks.\2.res_scale\3.scale"),
    (r"stages\.(\d+)\.(\d+)\.token_mixer\.pwconv1\.(weight|bias)", r"stages.\1.blocks.\2.spatial.project_in.\3"),
    (r"stages\.(\d+)\.(\d+)\.token_mixer\.pwconv2\.weight", r"stages.\1.blocks.\2.spatial.project_out.weight"),
    (
        r"stages\.(\d+)\.(\d+)\.token_mixer\.dwconv1\.conv_([hw])\.weight",
        r"stages.\1.blocks.\2.spatial.mix.oversized.kernel_\3",
    ),
    (r"stages\.(\d+)\.(\d+)\.token_mixer\.dwconv2\.weight", r"stages.\1.blocks.\2.spatial.mix.local.weight"),
    (r"stages\.(\d+)\.(\d+)\.mlp\.fc1\.(weight|bias)", r"stages.\1.blocks.\2.channel.project_in.\3"),
    (r"stages\.(\d+)\.(\d+)\.mlp\.fc2\.weight", r"stages.\1.blocks.\2.channel.project_out.weight"),
    (r"norm\.(weight|bias)", r"head.norm.\1"),
    (r"head\.(weight|bias)", r"head.fc.\1"),
)


def convert(state_dict: Mapping[str, Any]) -> dict[str, Tensor]:
    """Weights of the authors' ParCNetV2 (plain, or wrapped as `state_dict`, EMA, `module.`) under our names.

    Their inner norm divides by the L2 norm of the centred vector, ours by its standard deviation, sqrt(C) times
    smaller: 1/sqrt(C) is folded into each inner norm's weight, which comes back in float64 so that nothing is lost
    before loading rounds it to the network's dtype. The final norm is a true LayerNorm already.
    Kernels [C, 1, L, 1] become [C, L], linear weights 1x1 convolutions.

    Raises UserError naming the keys that are not the authors'.
    """
    theirs = _unwrapped(state_dict)
    ours: dict[str, Tensor] = {}
    unknown = []
    for key, tensor in theirs.items():
        name = _renamed(key)
        if name is None:
            unknown.append(key)
        else:
            ours[name] = _reshaped(name, tensor)
    if unknown:
        raise UserError(
            f"these are not weights of the authors' ParCNetV2: {len(unknown)} of {len(theirs)} keys are unknown, "
            f"such as {', '.join(unknown[:5])}. "
            "A checkpoint of parcnet itself is read by parcnet.load(path)"
        )
    return ours


def load_official_weights(model: nn.Module, source: str | Path | Mapping[str, Any]) -> None:
    """Load the authors' checkpoint, a path (.pth, .pth.tar, .safetensors) or a state dict, into a ParCNetV2.

    Files are opened without executing code. Oversized kernels are fitted when `model` was made for another image size.
    Raises UserError naming the keys that are missing, left over or of another shape, and TypeError for a network of
    another kind; the model is then unchanged.
    """
    if not isinstance(model, ParCNetV2):
        raise TypeError(
            f"the authors' weights are those of a ParCNetV2, got a {type(model).__name__} to load them into"
        )
    state_dict = source if isinstance(source, Mapping) else _read(Path(source))
    load_exactly(model, fit_checkpoint(convert(state_dict), model), "the official weights")


def _read(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise UserError(
            f"there is no file {path}: expected a checkpoint of the authors' code (.pth, .pth.tar, .safetensors)"
        )
    inert: list[Any] = [argparse.Namespace]  # how training scripts store their arguments
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        with torch.serialization.safe_globals(inert):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, safetensors.SafetensorError) as error:
        raise UserError(
            f"{path} cannot be read without executing code, or is truncated: expected tensors by name, as torch.save "
            "writes a state dict"
        ) from error


def _unwrapped(state_dict: Any) -> dict[str, Tensor]:
    """The innermost mapping of names to tensors, without the prefixes `module.` and `_orig_mod.`."""
    if isinstance(state_dict, Mapping):
        for wrapper in _WRAPPERS:
            if isinstance(state_dict.get(wrapper), Mapping):
                return _unwrapped(state_dict[wrapper])
    named = isinstance(state_dict, Mapping) and all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state_dict.items()
    )
    if not named or not state_dict:
        found = f"an empty {type(state_dict).__name__}" if named else f"a {type(state_dict).__name__} of other things"
        raise UserError(f"no weights here: expected tensors by name, as a state dict holds them, found {found}")
    return clean_state_dict(dict(state_dict))


def _renamed(key: str) -> str | None:
    for pattern, replacement in _RENAMES:
        match = re.fullmatch(pattern, key)
        if match:
            return match.expand(replacement)
    return None


def _reshaped(name: str, tensor: Tensor) -> Tensor:
    if name.endswith((".kernel_h", ".kernel_w")):
        return tensor.flatten(1)
    if ".channel.project" in name and tensor.dim() == 2:
        return tensor[:, :, None, None]
    if not name.startswith("head.") and "norm" in name:
        return tensor.double() * tensor.shape[0] ** -0.5
    return tensor
