"""Parallel depthwise convolutions of several sizes, merged after training."""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import fuse_conv_bn_eval

from parcnet.layers.local_global_conv import depthwise_conv

Size = tuple[int, int]


class ParallelDepthwise(nn.Module):
    """y = sum of norm_i(depthwise_i(x)), with batch norms: large kernels that also learn small patterns.

    RepLKNet's large kernel beside a 5x5 (arXiv 2203.06717, Fig. 2), SLaK's two strips beside a 5x5 (arXiv 2207.03620,
    Fig. 1). `reparameterize` folds each norm into its convolution and adds each kernel to a larger one that contains
    it: the same function at lower cost.

    Shapes: [B, C, H, W] -> [B, C, H, W]; `kernels` are the odd (height, width) of each convolution.
    """

    def __init__(self, channels: int, kernels: Sequence[Size]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(OrderedDict(conv=depthwise_conv(channels, size), norm=nn.BatchNorm2d(channels)))
            for size in kernels
        )

    def forward(self, x: Tensor) -> Tensor:
        outputs = [branch(x) for branch in self.branches]
        y = outputs[0]
        for other in outputs[1:]:
            y = y + other
        return y

    @torch.jit.ignore
    def reparameterize(self) -> None:
        """Merge in place; `timm.utils.reparameterize_model` does so for a copy of a whole network.

        Raises RuntimeError in training mode, whose batch statistics cannot be folded.
        """
        if self.training:
            raise RuntimeError("the batch norms are in training mode: call model.eval() before merging kernels")
        merged: list[nn.Conv2d] = []
        convs = [_fused(branch) for branch in self.branches]
        for conv in sorted(convs, key=lambda conv: -max(conv.kernel_size)):
            container = next((large for large in merged if _fits(conv, large)), None)
            if container is None:
                merged.append(conv)
            else:
                _add(conv, container)
        self.branches = nn.ModuleList(merged)


def _fused(branch: nn.Module) -> nn.Conv2d:
    if isinstance(branch, nn.Conv2d):
        return branch  # already merged
    conv, norm = branch.get_submodule("conv"), branch.get_submodule("norm")
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    return fuse_conv_bn_eval(conv, norm)


def _fits(conv: nn.Conv2d, large: nn.Conv2d) -> bool:
    return all(a <= b for a, b in zip(conv.kernel_size, large.kernel_size, strict=True))


def _add(conv: nn.Conv2d, large: nn.Conv2d) -> None:
    """Add `conv` to `large`, the centres of their kernels coinciding."""
    above, beside = ((b - a) // 2 for a, b in zip(conv.kernel_size, large.kernel_size, strict=True))
    assert conv.bias is not None
    assert large.bias is not None
    with torch.no_grad():
        large.weight += F.pad(conv.weight, [beside, beside, above, above])
        large.bias += conv.bias
