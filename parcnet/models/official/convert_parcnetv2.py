"""The authors' ParCNetV2 (ICCV 2023), github.com/XuRuihan/ParCNetV2."""

from torch import Tensor

from parcnet.models.official.family import Family
from parcnet.models.parcnetv2 import ParCNetV2


def _reshaped(name: str, tensor: Tensor) -> Tensor:
    """Kernels [C, 1, L, 1] become [C, L], linear weights 1x1 convolutions.

    Their inner norm divides by the L2 norm of the centred vector, ours by its standard deviation, sqrt(C) times
    smaller: 1/sqrt(C) is folded into each inner norm's weight, in float64 so that it is rounded only once, on loading.
    The final norm is a LayerNorm already.
    """
    if name.endswith((".kernel_h", ".kernel_w")):
        return tensor.flatten(1)
    if ".channel.project" in name and tensor.dim() == 2:
        return tensor[:, :, None, None]
    if not name.startswith("head.") and "norm" in name:
        return tensor.double() * tensor.shape[0] ** -0.5
    return tensor


PARCNETV2 = Family(
    network=ParCNetV2,
    renames=(
        (r"downsample_layers\.0\.conv\.(weight|bias)", r"stem.conv.\1"),
        (r"downsample_layers\.0\.post_norm\.weight", r"stem.norm.weight"),
        (r"downsample_layers\.([123])\.conv\.(weight|bias)", r"stages.\1.downsample.conv.\2"),
        (r"downsample_layers\.([123])\.pre_norm\.weight", r"stages.\1.downsample.norm.weight"),
        (r"stages\.(\d+)\.(\d+)\.norm([12])\.weight", r"stages.\1.blocks.\2.norm\3.weight"),
        (r"stages\.(\d+)\.(\d+)\.res_scale([12])\.scale", r"stages.\1.blocks.\2.res_scale\3.scale"),
        (r"stages\.(\d+)\.(\d+)\.token_mixer\.pwconv1\.(weight|bias)", r"stages.\1.blocks.\2.spatial.project_in.\3"),
        (r"stages\.(\d+)\.(\d+)\.token_mixer\.pwconv2\.weight", r"stages.\1.blocks.\2.spatial.project_out.weight"),
        (
            r"stages\.(\d+)\.(\d+)\.token_mixer\.dwconv1\.conv_([hw])\.weight",
            r"stages.\1.blocks.\2.spatial.mix.oversized.kernel_\3",
        ),
        (r"stages\.(\d+)\.(\d+)\.token_mixer\.dwconv2\.weight", r"stages.\1.blocks.\2.spatial.mix.local.weight"),
        (r"stages\.(\d+)\.(\d+)\.mlp\.fc1\.(weight|bias)", r"stages.\1.blocks.\2.channel.project_in.\3"),
        (r"stages\.(\d+)\.(\d+)\.mlp\.fc2\.weight", r"stages.\1.blocks.\2.channel.project_out.weight"),
        (r"norm\.(weight|bias)", r"head.norm.\1"),
        (r"head\.(weight|bias)", r"head.fc.\1"),
    ),
    reshaped=_reshaped,
)
