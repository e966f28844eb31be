"""ParC-Net: its counts, its block written out, and the names of the authors' checkpoints."""

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.base import UserError
from parcnet.layers.parc_net_block import ParCNetBlock
from parcnet.models import ParCNet, complexity, load_official_weights

DEPTHS = (2, 2, 1, 3)


def network(**changes: object) -> ParCNet:
    shape = {"depths": DEPTHS, "dims": (8, 12, 16, 20), "img_size": 64, "num_classes": 10, "stem_width": 4}
    return ParCNet(**{**shape, **changes}).eval()


@pytest.mark.parametrize(("px", "macs"), [(224, 1.27), (256, 1.66)])
def test_counts_of_parcnet_s(px: int, macs: float) -> None:
    with torch.device("meta"):
        counted = complexity(timm.create_model("parcnet_s"), (3, px, px))
    assert counted.params / 1e6 == pytest.approx(5.037, abs=5e-4)
    assert counted.macs / 1e9 == pytest.approx(macs, abs=5e-3)


def test_kernels_are_as_long_as_the_maps_of_256_px() -> None:
    with torch.device("meta"):
        model = timm.create_model("parcnet_s")
    lengths = [stage.blocks[0].blocks[0].spatial.vertical_first.circular1.kernel.shape[1] for stage in model.stages[1:]]
    assert lengths == [32, 16, 8]
    positions = [name for name, _ in model.named_parameters() if "position" in name]
    assert len(positions) == 3 * 4  # in the first block of a stage alone
    assert all(".blocks.0.blocks.0." in name for name in positions)


def test_the_block_written_out() -> None:
    """Embedding, norm, one way, embedding, other way; and a feed-forward network whose output is attended to."""
    block = ParCNetBlock(8, (5, 6), position=True).eval()
    for name, parameter in block.named_parameters():
        nn.init.normal_(parameter, mean=1.0 if name.endswith("norm.weight") else 0.0, std=0.3)
    for norm in (module for module in block.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.normal_(norm.running_mean)
        nn.init.uniform_(norm.running_var, 0.5, 2)
    x = torch.randn(2, 8, 5, 6)
    p = {name.removeprefix("spatial."): value for name, value in block.named_parameters()}

    def down(t: Tensor, kernel: str) -> Tensor:
        return F.conv2d(torch.cat([t, t[:, :, :-1]], 2), p[kernel][:, None, :, None], groups=4)

    def across(t: Tensor, kernel: str) -> Tensor:
        return F.conv2d(torch.cat([t, t[..., :-1]], 3), p[kernel][:, None, None, :], groups=4)

    a, b = x[:, :4], x[:, 4:]
    a = block.spatial.vertical_first.norm(a + p["vertical_first.position1.weight"][:, :, None])
    a = down(a, "vertical_first.circular1.kernel") + p["vertical_first.position2.weight"][:, None, :]
    a = across(a, "vertical_first.circular2.kernel")
    b = block.spatial.horizontal_first.norm(b + p["horizontal_first.position1.weight"][:, None, :])
    b = across(b, "horizontal_first.circular1.kernel") + p["horizontal_first.position2.weight"][:, :, None]
    b = down(b, "horizontal_first.circular2.kernel")
    y = x + torch.cat([a, b], 1)
    hidden = F.hardswish(block.channel.project_in(block.channel.norm(y)))
    z = block.channel.project_out(hidden)
    squeezed = F.hardswish(block.attention.squeeze(z.mean((2, 3), keepdim=True)))
    wanted = y + z * F.hardsigmoid(block.attention.excite(squeezed))
    torch.testing.assert_close(block(x), wanted)


PARTS = {"expand": "exp_1x1", "depthwise": "conv_3x3", "project": "red_1x1"}
MIXER = {
    "vertical_first.norm": "pre_Norm_1",
    "horizontal_first.norm": "pre_Norm_2",
    "vertical_first.circular1.kernel": "meta_kernel_1_H",
    "vertical_first.circular2.kernel": "meta_kernel_2_W",
    "horizontal_first.circular1.kernel": "meta_kernel_1_W",
    "horizontal_first.circular2.kernel": "meta_kernel_2_H",
    "vertical_first.position1.weight": "meta_pe_1_H",
    "vertical_first.position2.weight": "meta_pe_2_W",
    "horizontal_first.position1.weight": "meta_pe_1_W",
    "horizontal_first.position2.weight": "meta_pe_2_H",
}
REST = {
    "widen.": "dim_adaptive.0.block.",
    "mix.": "dim_adaptive.1.block.conv.",
    "narrow.": "channel_adaptive.block.",
    "fuse.": "local_global_fusion.block.",
    "channel.norm": "ffn.0",
    "channel.project_in": "ffn.1",
    "channel.project_out": "ffn.4",
    "attention.squeeze.conv": "ca.fc.0",
    "attention.squeeze.norm": "ca.fc.1",
    "attention.excite.conv": "ca.fc.3",
    "attention.excite.norm": "ca.fc.4",
}


def authors_name(name: str) -> str:
    """The authors' name of one of our weights."""
    if name.startswith("head."):
        return name.replace("head.prepare.", "conv_1x1_exp.block.").replace("head.fc.", "classifier.fc.")
    if name.startswith(("stem.conv", "stem.norm")):
        return name.replace("stem.", "conv_1.block.")
    head, *rest = name.replace("stem.block.", "layer_1.0.").split(".")
    if head == "stages":
        stage, kind, *rest = rest
        layer = f"layer_{int(stage) + 2}"
        if kind == "downsample":
            head = f"{layer}.0"
        elif stage == "0":
            head = f"{layer}.{int(rest.pop(0)) + 1}"
        else:
            return frame_name(f"{layer}.1", int(stage), ".".join(rest[1:]))
    else:
        head = "layer_1.0"
        rest = rest[1:]
    part, *leaf = rest
    return ".".join([head, "block", PARTS[part], "block", *leaf])


def frame_name(layer: str, stage: int, inside: str) -> str:
    if inside.startswith("norm."):
        return f"{layer}.spatial_global_rep.{DEPTHS[stage]}.{inside.removeprefix('norm.')}"
    inside = inside.replace("blocks.", "spatial_global_rep.").replace(".spatial.", ".")
    for ours, theirs in {**MIXER, **REST}.items():
        inside = inside.replace(ours, theirs)
    return f"{layer}.{inside}"


def authors_shape(name: str, tensor: Tensor) -> Tensor:
    """Kernels [C, 1, K, 1] or [C, 1, 1, K], embeddings [1, C, K, 1] or [1, C, 1, K]."""
    if name.endswith("_H"):
        tensor = tensor[:, :, None]
    elif name.endswith("_W"):
        tensor = tensor[:, None, :]
    else:
        return tensor
    return tensor[None] if "pe" in name else tensor[:, None]


@pytest.fixture
def checkpoint() -> dict[str, Tensor]:
    """A checkpoint of random weights under the names of the authors' code, with what it stores twice."""
    weights = {}
    for name, tensor in network().state_dict().items():
        theirs = authors_name(name)
        random = torch.rand_like(tensor) if tensor.is_floating_point() else tensor
        weights[theirs] = authors_shape(theirs, random)
    last = {key: value for key, value in weights.items() if key.startswith("layer_5.0.")}
    return {**weights, **{key.replace("layer_5.0.", "residual."): value for key, value in last.items()}}


def test_every_weight_of_the_authors_is_converted(checkpoint: dict[str, Tensor]) -> None:
    model = network()
    load_official_weights(model, {"model_state_dict": {f"module.{k}": v for k, v in checkpoint.items()}})
    for name, tensor in model.state_dict().items():
        theirs = authors_name(name)
        assert torch.equal(authors_shape(theirs, tensor), checkpoint[theirs])
    frame = model.stages[2].blocks[0]
    spatial = frame.blocks[0].spatial.horizontal_first
    assert torch.equal(
        spatial.circular2.kernel, checkpoint["layer_4.1.spatial_global_rep.0.meta_kernel_2_H"][:, 0, :, 0]
    )
    assert torch.equal(frame.norm.running_var, checkpoint["layer_4.1.spatial_global_rep.1.running_var"])
    assert torch.equal(model.stem.conv.weight, checkpoint["conv_1.block.conv.weight"])


def test_a_checkpoint_of_other_depth_is_refused_by_naming_keys(checkpoint: dict[str, Tensor]) -> None:
    deeper = network(depths=(3, 2, 1, 3))
    with pytest.raises(UserError, match=r"missing: stages\.0\.blocks\.2"):
        load_official_weights(deeper, checkpoint)


def test_authors_kernels_are_fitted_to_wide_images(checkpoint: dict[str, Tensor]) -> None:
    model = network(img_size=(32, 128))
    load_official_weights(model, checkpoint)
    theirs = checkpoint["layer_3.1.spatial_global_rep.0.meta_pe_1_W"]
    wanted = F.interpolate(theirs, (1, 16), mode="bilinear", align_corners=True)[0, :, 0]
    torch.testing.assert_close(model.stages[1].blocks[0].blocks[0].spatial.horizontal_first.position1.weight, wanted)
    assert network(img_size=(32, 128))(torch.randn(2, 3, 32, 128)).isfinite().all()
