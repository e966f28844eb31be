"""Padding leaks into feature maps through global kernels (figures in docs/segmentation.md)."""

import torch

from parcnet.tasks.backbone import build_backbone

SIDE, PADDED = 128, 192


def leak(network: str, **args: object) -> list[float]:
    """Relative change (RMS) of each stage's map in the corner farthest from the padding, when an image of 128 px is
    padded with the mean colour to 192 px at the right and bottom; random weights, float64."""
    torch.manual_seed(0)
    backbone = build_backbone(network, {"img_size": SIDE, **args}, norm=False).double().eval()
    with torch.no_grad():  # residual branches start small; trained ones are not
        for parameter in backbone.parameters():
            if parameter.ndim > 1:
                parameter.mul_(3)
    image = torch.randn(1, 3, SIDE, SIDE, dtype=torch.float64)
    padded = torch.nn.functional.pad(image, (0, PADDED - SIDE, 0, PADDED - SIDE))
    found = []
    with torch.no_grad():
        for alone, inside in zip(backbone(image), backbone(padded), strict=True):
            side = max(alone.shape[-1] // 4, 1)
            difference = inside[..., :side, :side] - alone[..., :side, :side]
            found.append(float((difference.square().mean() / alone[..., :side, :side].square().mean()).sqrt()))
    return found


def test_padding_leaks_through_global_kernels_and_more_so_if_interpolated():
    fixed, interpolated = (leak("parcnetv2_xt", kernel_fit=fit) for fit in ("fixed", "interpolate"))
    assert all(1e-4 < each < 1e-3 for each in fixed)
    assert all(1e-3 < each < 3e-3 for each in interpolated)


def test_without_global_kernels_padding_does_not_reach_the_corner():
    local = leak("parcnetv2_xt_no_oversized")
    assert max(local[:2]) < 1e-12
    assert max(local) < 1e-4
