import math

import pytest
import torch
from torch.testing import assert_close
from torchvision.models.detection._utils import BoxCoder
from torchvision.ops import roi_align

from parcnet.tasks.detection.coco import CroppedMasks
from parcnet.tasks.detection.losses import box_loss, mask_loss, mask_targets
from parcnet.tasks.detection.region_heads import deltas_of_labels

CODER = BoxCoder((10.0, 10.0, 5.0, 5.0))
PROPOSAL = torch.tensor([[0.0, 0, 10, 10]])


def test_giou_loss_of_decoded_boxes_has_weight_10():
    """Zero deltas keep the proposal, x 0 to 10; the matched box is at 20 to 30: no overlap, hull of 30 x 10."""
    loss = box_loss("giou", torch.zeros(1, 4), PROPOSAL, torch.tensor([[20.0, 0, 30, 10]]), CODER, 4, 1.0)
    assert loss.item() == pytest.approx(10 * (1 - (0 - 100 / 300)) / 4, rel=1e-5)


@pytest.mark.parametrize(("beta", "expected"), [(1.0, 0.5 * 0.5**2), (1 / 9, 0.5 - 0.5 / 9)])
def test_smooth_l1_is_quadratic_below_beta(beta, expected):
    """The matched box is shifted by half a px to the right: delta 10 * .05."""
    loss = box_loss("smooth_l1", torch.zeros(1, 4), PROPOSAL, torch.tensor([[0.5, 0, 10.5, 10]]), CODER, 1, beta)
    assert loss.item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("kind", ["giou", "smooth_l1"])
def test_the_box_loss_without_positive_regions_is_zero(kind):
    empty = torch.zeros(0, 4)
    assert box_loss(kind, empty.requires_grad_(), empty, empty, CODER, 16, 1.0).item() == 0


def test_the_mask_loss_uses_the_mask_of_each_regions_class():
    logits = torch.full((2, 3, 2, 2), 50.0)
    logits[0, 1] = 0.0
    logits[1, 2] = math.log(3)
    targets = torch.stack([torch.zeros(2, 2), torch.ones(2, 2)])
    loss = mask_loss(logits, torch.tensor([1, 2]), targets)
    assert loss.item() == pytest.approx((math.log(2) + math.log(4 / 3)) / 2, rel=1e-5)
    assert mask_loss(logits[:0], torch.zeros(0, dtype=torch.int64), targets[:0]).item() == 0


def test_targets_from_cropped_masks_equal_those_from_full_masks():
    generator = torch.Generator().manual_seed(0)
    whole = torch.zeros(3, 40, 50, dtype=torch.uint8)
    whole[0, 5:20, 8:30] = 1
    whole[1, 0:9, 40:50] = 1  # at the corner of the image
    whole[2] = (torch.rand(40, 50, generator=generator) > 0.7).byte()
    corner = torch.rand(12, 2, generator=generator) * 30 - 3
    boxes = torch.cat([corner, corner + 4 + torch.rand(12, 2, generator=generator) * 25], 1)
    matched = torch.arange(12) % 3
    found = mask_targets([CroppedMasks.of(whole)], [boxes], [matched], 28)
    rois = torch.cat([matched[:, None].float(), boxes], 1)
    assert_close(found, roi_align(whole[:, None].float(), rois, 28)[:, 0])


def test_deltas_of_labels_selects_the_label_unless_class_agnostic():
    labels = torch.tensor([2, 0])
    assert_close(deltas_of_labels(torch.arange(8.0).view(2, 4), labels), torch.arange(8.0).view(2, 4))
    deltas = torch.arange(24.0).view(2, 12)
    assert_close(deltas_of_labels(deltas, labels), torch.stack([deltas[0, 8:], deltas[1, :4]]))
