"""Global kernels carry the padding of a batch into the images unless it is masked."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from parcnet.base import UserError
from parcnet.tasks.backbone import build_backbone
from parcnet.tasks.detection import build_detector
from parcnet.tasks.detection.padding_mask import PaddingMask, valid

ARGUMENTS = {"depths": (1, 1, 1, 1), "dims": (8, 12, 16, 24), "img_size": 64}
ALONE, BATCH = (64, 96), (96, 160)


def maps(kernel_fit, masked):
    """(the feature maps of an image alone, those of the image padded in a larger batch)."""
    torch.manual_seed(0)
    backbone = build_backbone("parcnetv2_digits", {**ARGUMENTS, "kernel_fit": kernel_fit}).double().eval()
    for parameter in backbone.parameters():
        if parameter.ndim > 1:  # initial weights are so small that the shortcuts dominate
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    padding = PaddingMask()
    if masked:
        padding.attach(backbone, "backbone")
    image = torch.randn(1, 3, *ALONE, dtype=torch.float64)
    batch = torch.zeros(2, 3, *BATCH, dtype=torch.float64)
    batch[0, :, : ALONE[0], : ALONE[1]] = image[0]
    batch[1] = torch.randn(3, *BATCH)
    with torch.no_grad():
        padding.set([ALONE], ALONE)
        alone = backbone(image)
        padding.set([ALONE, BATCH], BATCH)
        together = backbone(batch)
    return [(a[0], b[0, :, : a.shape[2], : a.shape[3]]) for a, b in zip(alone, together, strict=True)]


def leak(kernel_fit, masked):
    """Largest relative difference of a feature map."""
    return max(((b - a).norm() / a.norm()).item() for a, b in maps(kernel_fit, masked))


def test_with_a_mask_and_fixed_kernels_maps_equal_those_of_the_image_alone():
    for alone, together in maps("fixed", masked=True):
        assert_close(together, alone, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("kernel_fit", ["fixed", "interpolate"])
def test_without_a_mask_padding_leaks_into_the_image(kernel_fit):
    assert leak(kernel_fit, masked=False) > 0.02


def test_with_a_mask_and_interpolated_kernels_a_difference_remains():
    assert leak("interpolate", masked=True) > 1e-4


def test_the_mask_covers_partially_valid_positions():
    mask = valid(torch.zeros(2, 1, 3, 5), [(48, 96), (96, 160)], (96, 160))
    assert mask[0, 0].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 0, 0], [0, 0, 0, 0, 0]]
    assert mask[1].min() == 1


def test_attention_is_refused():
    backbone = build_backbone("swin_tiny_patch4_window7_224", {"strict_img_size": False, "depths": (1, 1, 1, 1)})
    with pytest.raises(UserError, match="has attention"):
        build_detector("mask_rcnn", backbone, 3, mask_padding=True)
