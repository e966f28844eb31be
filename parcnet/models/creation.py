"""Shared by every registered network: the default configuration, and creation through timm's builder."""

from __future__ import annotations

from typing import Any, TypeVar

from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.models import build_model_with_cfg
from torch import nn

from parcnet.models.staged import StagedNetwork

Network = TypeVar("Network", bound=StagedNetwork)


def default_cfg(**overrides: Any) -> dict[str, Any]:
    """timm's pretrained configuration. parcnet ships no weights, so there is no URL."""
    return {
        "url": "",
        "num_classes": 1000,
        "input_size": (3, 224, 224),
        "pool_size": (7, 7),
        "crop_pct": 0.875,
        "interpolation": "bicubic",
        "mean": IMAGENET_DEFAULT_MEAN,
        "std": IMAGENET_DEFAULT_STD,
        "first_conv": "stem.conv",
        "classifier": "head.fc",
        "paper_ids": "arXiv:2211.07157",
        "paper_name": "ParCNetV2: Oversized Kernel with Enhanced Attention",
        "license": "apache-2.0",
        **overrides,
    }


def create(cls: type[Network], name: str, pretrained: bool, kwargs: dict[str, Any], **numbers: Any) -> Network:
    """The network `name`, built from its `numbers`; the caller's `kwargs` override them. TypeError for unknown ones.

    `pretrained=True` loads weights that the caller points to (`hf-hub:`, `local-dir:`, pretrained_cfg_overlay) and
    raises RuntimeError without such a source, before anything is built.
    """
    if pretrained and not _has_source(kwargs):
        official = (
            "parcnet.load_official_weights(model, 'checkpoint.pth') for a checkpoint of the authors' code "
            f"({cls.authors_name}), "
            if cls.authors_name
            else ""
        )
        raise RuntimeError(
            f"parcnet comes with no weights for {name}, so pretrained=True has nothing to load. Use pretrained=False, "
            f"then {official}parcnet.load('best.safetensors') for one of ours, or "
            "pretrained_cfg_overlay={'file': 'weights.safetensors'} for plain weights of this network"
        )
    network: Network = build_model_with_cfg(
        cls,
        name,
        pretrained,
        feature_cfg={"out_indices": (0, 1, 2, 3), "flatten_sequential": True},
        **{**numbers, **kwargs},
    )
    if not isinstance(network, cls):  # timm's wrapper of `features_only`
        network.register_load_state_dict_pre_hook(_classifier_names)
    return network


def _classifier_names(module: nn.Module, weights: dict[str, Any], prefix: str, *_: Any) -> None:
    """Lets feature networks take a classifier's weights: `stages.0` becomes `stages_0`; what they lack is left out."""
    own = {name for name, _ in (*module.named_parameters(), *module.named_buffers())}
    flat = {f"{prefix}stages.{index}.": f"{prefix}stages_{index}." for index in range(10)}
    classifier = any(name.startswith(tuple(flat)) for name in weights)
    for name in list(weights) if classifier else ():
        if not name.startswith(prefix):
            continue
        value = weights.pop(name)
        start = next((each for each in flat if name.startswith(each)), None)
        renamed = name if start is None else flat[start] + name.removeprefix(start)
        if renamed.removeprefix(prefix) in own:
            weights[renamed] = value


def _has_source(kwargs: dict[str, Any]) -> bool:
    """Whether a configuration has a source of weights for timm: a file, a hub, a folder, or the weights themselves."""
    configs = [kwargs.get("pretrained_cfg"), kwargs.get("pretrained_cfg_overlay")]
    entries = [config if isinstance(config, dict) else getattr(config, "__dict__", {}) for config in configs if config]
    sources = ("url", "file", "hf_hub_id", "state_dict", "source")
    return any(entry.get(source) for entry in entries for source in sources)
