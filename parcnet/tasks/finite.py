"""Checks weights and outputs for NaN and infinity, whose argmax would otherwise count as a class."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from parcnet.base import UserError, iterate_tensors


def check_finite_weights(weights: Mapping[str, Tensor], source: str) -> None:
    """Raises `UserError` naming the first tensor with NaN or infinity; `source` names the weights."""
    for name, value in weights.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise UserError(
                f"{source} are not finite: {name} holds NaN or infinity. The run diverged, or the file is damaged: "
                "use an earlier checkpoint, or train again with a lower learning rate."
            )


def check_finite(outputs: Any, source: str) -> None:
    """Raises `UserError` if a tensor in `outputs` holds NaN or infinity; `source` names what returned them."""
    for value in iterate_tensors(outputs):
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise UserError(
                f"{source} returned NaN or infinity, which predicts nothing: its numbers overflow. Use fp32 in place "
                "of lower precision, or another checkpoint."
            )
