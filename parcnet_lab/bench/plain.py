"""A naive ParCNetV2 as a baseline: every map in NCHW memory, from the image to the head."""

from torch import Tensor, nn

from parcnet.layers import BiasFreeLayerNorm2d, OversizedConv2d
from parcnet.ops.oversized.conv import depthwise


class PlainOversizedConv2d(nn.Module):
    """PyTorch's two depthwise convolutions in the input's memory format, without conversion."""

    def __init__(self, layer: OversizedConv2d) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        kernel_h, kernel_w = self.layer.kernels_for(x.shape[2], x.shape[3])
        return depthwise(depthwise(x, kernel_h[:, None, :, None]), kernel_w[:, None, None, :])


def in_nchw_memory(model: nn.Module) -> nn.Module:
    """Makes `model`, a ParCNetV2, keep NCHW memory throughout; its outputs stay the same.

    The stem and the oversized layers no longer convert to channels_last, and the outputs of timm's LayerNorm2d, which
    converts, are made contiguous again.
    """
    stem = model.get_submodule("stem")
    model.stem = nn.Sequential(stem.get_submodule("conv"), stem.get_submodule("norm"))
    for path, module in list(model.named_modules()):
        if isinstance(module, OversizedConv2d):
            model.set_submodule(path, PlainOversizedConv2d(module))
        elif isinstance(module, BiasFreeLayerNorm2d):
            module.register_forward_hook(lambda _, __, output: output.contiguous())
    return model
