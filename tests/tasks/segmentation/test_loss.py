import pytest
import torch
import torch.nn.functional as F

from parcnet.tasks.segmentation import SegmentationLoss
from parcnet.tasks.segmentation.data import IGNORED


def outputs():
    return torch.randn(4, 3, 16, 16), torch.randn(4, 3, 8, 8)


def labels():
    drawn = torch.randint(0, 3, (4, 16, 16))
    drawn[0, :9] = IGNORED
    return drawn


def test_the_auxiliary_loss_is_added_with_its_weight():
    (decoder, auxiliary), truth = outputs(), labels()
    alone = SegmentationLoss(0.4)((decoder, None), truth)
    other = SegmentationLoss(1.0)((F.interpolate(auxiliary, (16, 16), mode="bilinear"), None), truth)
    torch.testing.assert_close(SegmentationLoss(0.4)((decoder, auxiliary), truth), alone + 0.4 * other)


def test_without_ignored_pixels_the_loss_is_the_mean_cross_entropy():
    decoder, truth = torch.randn(4, 3, 16, 16), torch.randint(0, 3, (4, 16, 16))
    torch.testing.assert_close(SegmentationLoss(0.4)((decoder, None), truth), F.cross_entropy(decoder, truth))


def test_the_mean_over_micro_batches_is_the_loss_of_the_batch():
    (decoder, auxiliary), truth = outputs(), labels()
    loss = SegmentationLoss(0.4)
    parts = [loss((decoder[i : i + 1], auxiliary[i : i + 1]), truth[i : i + 1]) for i in range(4)]
    assert float(sum(parts) / 4) == pytest.approx(float(loss((decoder, auxiliary), truth)), rel=1e-6)


def test_a_batch_of_ignored_pixels_has_zero_loss_and_gradient():
    decoder = torch.randn(2, 3, 8, 8, requires_grad=True)
    loss = SegmentationLoss(0.4)((decoder, None), torch.full((2, 8, 8), IGNORED))
    loss.backward()
    assert float(loss.detach()) == 0
    assert not decoder.grad.any()
