"""The options of the block in the papers' ablations, and their validation."""

from typing import Any, Literal, get_args

Mix = Literal["parallel", "local", "local_first", "local_between", "local_last"]
"""How the local 7x7 and the oversized convolution are combined (ICCV 2023, supplement, Tab. 2), see `token_mix`."""

Gate = Literal["multiply", "add", "none"]
"""How the two branches of a gated unit are combined (ICCV 2023, Tab. 6 row 2 and supplement, Tab. 3)."""

ChannelMixer = Literal["bgu", "ffn"]
"""Gated or plain feed-forward network (ICCV 2023, Tab. 6 row 3)."""

Residual = Literal["none", "res_scale", "layer_scale"]
"""The scaling of a residual connection: none, `ResScale` on the shortcut, LayerScale on the branch (Sec. 4.1)."""


def check_option(name: str, value: str, options: Any) -> None:
    """Raise ValueError, listing the options, unless `value` is one of the Literal `options`."""
    known = get_args(options)
    if value not in known:
        raise ValueError(f"{name} is one of {', '.join(map(repr, known))}, got {value!r}")
