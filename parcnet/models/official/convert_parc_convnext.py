"""The authors' ParC-ConvNeXt (arXiv 2203.03952), github.com/hkzhang-git/ParC-Net, folder ParC_ConvNets."""

from torch import Tensor

from parcnet.models.official.family import Family
from parcnet.models.parc_convnext import ParCConvNeXt

_BLOCK = r"stages\.(\d+)\.(\d+)\."
_OURS = r"stages.\1.blocks.\2."


def _reshaped(name: str, tensor: Tensor) -> Tensor:
    """Kernels [C, 1, K, 1] and embeddings [1, C, K, 1] become [C, K], linear weights 1x1 convolutions."""
    if name.endswith(".kernel"):
        return tensor.flatten(1)
    if name.endswith("_position.weight"):
        return tensor.flatten(2)[0]
    if ".channel_mixer.project" in name and tensor.dim() == 2:
        return tensor[:, :, None, None]
    return tensor


PARC_CONVNEXT = Family(
    network=ParCConvNeXt,
    renames=(
        (r"downsample_layers\.0\.0\.(weight|bias)", r"stem.conv.\1"),
        (r"downsample_layers\.0\.1\.(weight|bias)", r"stem.norm.\1"),
        (r"downsample_layers\.([123])\.0\.(weight|bias)", r"stages.\1.downsample.norm.\2"),
        (r"downsample_layers\.([123])\.1\.(weight|bias)", r"stages.\1.downsample.conv.\2"),
        (_BLOCK + r"dwconv\.(weight|bias)", _OURS + r"token_mixer.\3"),
        (_BLOCK + r"gcc_H\.gcc_conv\.weight", _OURS + r"token_mixer.vertical.kernel"),
        (_BLOCK + r"gcc_W\.gcc_conv\.weight", _OURS + r"token_mixer.horizontal.kernel"),
        (_BLOCK + r"gcc_H\.gcc_conv\.bias", _OURS + r"token_mixer.vertical.bias"),
        (_BLOCK + r"gcc_W\.gcc_conv\.bias", _OURS + r"token_mixer.horizontal.bias"),
        (_BLOCK + r"gcc_H\.pe", _OURS + r"token_mixer.vertical_position.weight"),
        (_BLOCK + r"gcc_W\.pe", _OURS + r"token_mixer.horizontal_position.weight"),
        (_BLOCK + r"norm\.(weight|bias)", _OURS + r"norm.\3"),
        (_BLOCK + r"pwconv1\.(weight|bias)", _OURS + r"channel_mixer.project_in.\3"),
        (_BLOCK + r"pwconv2\.(weight|bias)", _OURS + r"channel_mixer.project_out.\3"),
        (_BLOCK + r"gamma", _OURS + r"layer_scale.gamma"),
        (r"norm\.(weight|bias)", r"head.norm.\1"),
        (r"head\.(weight|bias)", r"head.fc.\1"),
    ),
    reshaped=_reshaped,
)
