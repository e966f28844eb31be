"""ParCNetV2-XT with one option changed: the rows of the papers' ablations, and two of residual scaling."""

from __future__ import annotations

from typing import Any

from timm.models import generate_default_cfgs, register_model

from parcnet.models.creation import create, default_cfg
from parcnet.models.parcnetv2 import XT, ParCNetV2

default_cfgs = generate_default_cfgs(
    {
        "parcnetv2_xt_no_oversized": default_cfg(),
        "parcnetv2_xt_no_spatial_gate": default_cfg(),
        "parcnetv2_xt_ffn": default_cfg(),
        "parcnetv2_xt_late_oversized": default_cfg(),
        "parcnetv2_xt_local_first": default_cfg(),
        "parcnetv2_xt_local_between": default_cfg(),
        "parcnetv2_xt_local_last": default_cfg(),
        "parcnetv2_xt_add": default_cfg(),
        "parcnetv2_xt_no_res_scale": default_cfg(),
        "parcnetv2_xt_layer_scale": default_cfg(),
    }
)


@register_model
def parcnetv2_xt_no_oversized(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """No oversized convolution: 7.25M, 1.41G; printed 7.2M, 1.4G (Tab. 6 row 1; supplement, Tab. 2: DWConv only)."""
    return create(ParCNetV2, "parcnetv2_xt_no_oversized", pretrained, kwargs, **XT, mix="local")


@register_model
def parcnetv2_xt_no_spatial_gate(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """Three 1x1 convolutions in series for the spatial gate unit: 7.43M, 1.55G; printed 7.4M, 1.6G (Tab. 6 row 2)."""
    return create(ParCNetV2, "parcnetv2_xt_no_spatial_gate", pretrained, kwargs, **XT, gate="none")


@register_model
def parcnetv2_xt_ffn(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """A plain feed-forward network of ratio 3.75: 7.42M, 1.55G; printed 7.4M, 1.5G (Tab. 6 row 3).

    With as many weights as the gated unit it has as many MACs: the printed 1.5 is not 1.55 rounded as the others are.
    """
    return create(ParCNetV2, "parcnetv2_xt_ffn", pretrained, kwargs, **XT, channel="ffn")


@register_model
def parcnetv2_xt_late_oversized(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """Oversized convolutions in stages 3 and 4 alone: 7.36M, 1.43G; printed 7.4M, 1.4G (Tab. 6 row 4)."""
    return create(
        ParCNetV2,
        "parcnetv2_xt_late_oversized",
        pretrained,
        kwargs,
        **XT,
        mix=("local", "local", "parallel", "parallel"),
    )


@register_model
def parcnetv2_xt_local_first(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """The 7x7, then vertical, then horizontal: 7.43M, 1.55G; printed 7.4M, 1.6G (supplement, Tab. 2)."""
    return create(ParCNetV2, "parcnetv2_xt_local_first", pretrained, kwargs, **XT, mix="local_first")


@register_model
def parcnetv2_xt_local_between(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """Vertical, the 7x7, horizontal: 7.43M, 1.55G; printed 7.4M, 1.6G (supplement, Tab. 2)."""
    return create(ParCNetV2, "parcnetv2_xt_local_between", pretrained, kwargs, **XT, mix="local_between")


@register_model
def parcnetv2_xt_local_last(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """Vertical, horizontal, then the 7x7: 7.43M, 1.55G; printed 7.4M, 1.6G (supplement, Tab. 2)."""
    return create(ParCNetV2, "parcnetv2_xt_local_last", pretrained, kwargs, **XT, mix="local_last")


@register_model
def parcnetv2_xt_add(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """The branches of both gated units added: 7.43M, 1.55G; printed 7.4M, 1.6G (supplement, Tab. 3)."""
    return create(ParCNetV2, "parcnetv2_xt_add", pretrained, kwargs, **XT, gate="add")


@register_model
def parcnetv2_xt_no_res_scale(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """Shortcuts without ResScale, which Sec. 4.1 has "to stabilize training": 7.42M, 1.55G. No row of the papers."""
    return create(ParCNetV2, "parcnetv2_xt_no_res_scale", pretrained, kwargs, **XT, residual="none")


@register_model
def parcnetv2_xt_layer_scale(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """LayerScale from 1e-6 in all blocks, which Sec. 4.1 replaces by ResScale: 7.43M, 1.55G. No row of the papers."""
    return create(ParCNetV2, "parcnetv2_xt_layer_scale", pretrained, kwargs, **XT, residual="layer_scale")
