"""Automatic mixed precision."""

from typing import Literal

import torch

_DTYPES = {"none": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def autocast_dtype(amp: Literal["none", "bf16", "fp16"]) -> torch.dtype | None:
    """The dtype of autocast; None: no autocast."""
    return _DTYPES[amp]
