"""The gate of the channel BGU, with a gradient that avoids copies."""

from typing import Any

import torch
import torch.fx
from torch import Tensor
from torch.nn import functional as F

from parcnet.ops.image_blocks import image_blocks, is_eager


def gated_gelu(branches: Tensor) -> Tensor:
    """gate * GELU(feature) of branches [B, 2C, H, W], the gate first -> [B, C, H, W].

    The gradient writes both halves of one tensor, block by block, and recomputes the GELU: autograd would allocate each
    half separately and concatenate them. Under a compiler, a trace, torch.fx or torch.func, and for second derivatives,
    it is autograd's.
    """
    if isinstance(branches, torch.fx.Proxy) or not (torch.is_grad_enabled() and branches.requires_grad and is_eager()):
        return _plain(branches)
    out: Tensor = _GatedGelu.apply(branches)
    return out


def _plain(branches: Tensor) -> Tensor:
    gate, feature = branches.chunk(2, dim=1)
    return gate * F.gelu(feature)


class _GatedGelu(torch.autograd.Function):
    """Saves only its input for the backward pass."""

    @staticmethod
    def forward(ctx: Any, branches: Tensor) -> Tensor:
        ctx.save_for_backward(branches)
        gate, feature = branches.chunk(2, dim=1)
        out = torch.empty_like(gate)
        for block in image_blocks(gate):
            torch.mul(gate[block], F.gelu(feature[block]), out=out[block])
        return out

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> Tensor:
        (branches,) = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative
            (grad,) = torch.autograd.grad(_plain(branches), branches, upstream, create_graph=True)
            return grad
        gate, feature = branches.chunk(2, dim=1)
        grad = torch.empty_like(branches)
        grad_gate, grad_feature = grad.chunk(2, dim=1)
        for block in image_blocks(gate):
            torch.mul(upstream[block], F.gelu(feature[block]), out=grad_gate[block])
            torch.ops.aten.gelu_backward.grad_input(
                upstream[block] * gate[block], feature[block], grad_input=grad_feature[block]
            )
        return grad
