"""The authors' ParC-Net (arXiv 2203.03952), github.com/hkzhang-git/ParC-Net, folder cvnets.

The names are those of the modules in its code of 2022 (`edgeformer`, outer_frame_v1, gcc_ca). They are untested on a
checkpoint, as none was available: the error names a key that differs, and nothing is loaded.
"""

from collections.abc import Iterator

from torch import Tensor

from parcnet.models.official.family import Family
from parcnet.models.parc_net import ParCNet

_PARTS = {"exp_1x1": "expand", "conv_3x3": "depthwise", "red_1x1": "project"}  # of an inverted residual
_STATISTICS = r"(weight|bias|running_mean|running_var|num_batches_tracked)"
_SPATIAL = {
    "pre_Norm_1": "vertical_first.norm",
    "pre_Norm_2": "horizontal_first.norm",
    "meta_kernel_1_H": "vertical_first.circular1.kernel",
    "meta_kernel_2_W": "vertical_first.circular2.kernel",
    "meta_kernel_1_W": "horizontal_first.circular1.kernel",
    "meta_kernel_2_H": "horizontal_first.circular2.kernel",
    "meta_pe_1_H": "vertical_first.position1.weight",
    "meta_pe_2_W": "vertical_first.position2.weight",
    "meta_pe_1_W": "horizontal_first.position1.weight",
    "meta_pe_2_H": "horizontal_first.position2.weight",
}
_CHANNEL = {
    "ffn.0": "channel.norm",
    "ffn.1": "channel.project_in",
    "ffn.4": "channel.project_out",
    "ca.fc.0": "attention.squeeze.conv",
    "ca.fc.1": "attention.squeeze.norm",
    "ca.fc.3": "attention.excite.conv",
    "ca.fc.4": "attention.excite.norm",
}


def _renames() -> Iterator[tuple[str, str]]:
    """Their layers 1 to 5 are our stem and stages 0 to 3; a strided inverted residual is our stage's downsample."""
    yield from _conv_norm("conv_1", "stem")
    yield from _inverted_residual("layer_1.0", "stem.block")
    for stage in range(4):
        yield from _inverted_residual(f"layer_{stage + 2}.0", f"stages.{stage}.downsample")
    for block in range(16):
        yield from _inverted_residual(f"layer_2.{block + 1}", f"stages.0.blocks.{block}")
    for stage in (1, 2, 3):
        yield from _frame(f"layer_{stage + 2}.1", f"stages.{stage}.blocks.0")
    yield from _conv_norm("conv_1x1_exp", "head.prepare")
    yield r"classifier\.fc\.(weight|bias)", r"head.fc.\1"


def _conv_norm(theirs: str, ours: str) -> Iterator[tuple[str, str]]:
    theirs = theirs.replace(".", r"\.")
    yield theirs + r"\.block\.conv\.weight", ours + ".conv.weight"
    yield theirs + r"\.block\.norm\." + _STATISTICS, ours + r".norm.\1"


def _inverted_residual(theirs: str, ours: str) -> Iterator[tuple[str, str]]:
    for there, here in _PARTS.items():
        yield from _conv_norm(f"{theirs}.block.{there}", f"{ours}.{here}")


def _frame(theirs: str, ours: str) -> Iterator[tuple[str, str]]:
    for there, here in (
        ("dim_adaptive.0", "widen"),
        ("channel_adaptive", "narrow"),
        ("local_global_fusion", "fuse"),
    ):
        yield from _conv_norm(f"{theirs}.{there}", f"{ours}.{here}")
    theirs = theirs.replace(".", r"\.")
    yield theirs + r"\.dim_adaptive\.1\.block\.conv\.weight", ours + ".mix.weight"
    block = theirs + r"\.spatial_global_rep\.(\d+)\."
    for there, here in _SPATIAL.items():
        if "Norm" in there:
            yield block + there + r"\." + _STATISTICS, ours + r".blocks.\1.spatial." + here + r".\2"
        else:
            yield block + there, ours + r".blocks.\1.spatial." + here
    for there, here in _CHANNEL.items():
        yield block + there.replace(".", r"\.") + r"\." + _STATISTICS, ours + r".blocks.\1." + here + r".\2"
    yield theirs + r"\.spatial_global_rep\.\d+\." + _STATISTICS, ours + r".norm.\1"  # after the blocks


def _reshaped(name: str, tensor: Tensor) -> Tensor:
    """Kernels [C, 1, K, 1] and embeddings [1, C, K, 1] become [C, K]."""
    if name.endswith(".kernel"):
        return tensor.flatten(1)
    if name.endswith((".position1.weight", ".position2.weight")):
        return tensor.flatten(2)[0]
    return tensor


PARC_NET = Family(
    network=ParCNet,
    renames=tuple(_renames()),
    reshaped=_reshaped,
    duplicates=r"residual\..+",  # their last strided inverted residual is also an attribute of the network
)
