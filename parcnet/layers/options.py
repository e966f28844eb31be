"""The words by which the papers' ablations choose parts of the block, and the check that names a wrong one."""

from typing import Any, Literal, get_args

Mix = Literal["parallel", "local", "local_first", "local_between", "local_last"]
"""How the local 7x7 and the oversized convolution meet (ICCV 2023, supplement, Tab. 2), see `token_mix`."""

Gate = Literal["multiply", "add", "none"]
"""How the two branches of a gated unit meet (ICCV 2023, Tab. 6 row 2 and supplement, Tab. 3)."""

ChannelMixer = Literal["bgu", "ffn"]
"""Gated or plain feed-forward network (ICCV 2023, Tab. 6 row 3)."""

Residual = Literal["none", "res_scale", "layer_scale"]
"""What scales a residual connection: nothing, `ResScale` its shortcut, LayerScale its branch (ICCV 2023, Sec. 4.1)."""


def check_option(name: str, value: str, options: Any) -> None:
    """Raise ValueError, listing what there is, unless `value` is one of the Literal `options`."""
    known = get_args(options)
    if value not in known:
        raise ValueError(f"{name} is one of {', '.join(map(repr, known))}, got {value!r}")
