import numpy as np
import pytest
import torch
from timm.loss import BinaryCrossEntropy
from torch.testing import assert_close

from parcnet.base import UserError
from parcnet.data import reseed
from parcnet.recipes import Augmentation
from parcnet.tasks.multilabel import loss as module
from parcnet.tasks.multilabel.loss import MultiLabelLoss, multilabel_loss, multilabel_mixup

TARGETS = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]], dtype=torch.float64)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_loss_is_smoothed_binary_cross_entropy_by_its_definition_and_timms(smoothing):
    logits = torch.randn(2, 3, dtype=torch.float64)
    p, t = logits.sigmoid(), (1 - smoothing) * TARGETS + smoothing / 2
    found = MultiLabelLoss(smoothing)(logits, TARGETS)
    assert_close(found, -(t * p.log() + (1 - t) * (1 - p).log()).mean())
    assert_close(found, BinaryCrossEntropy(smoothing=smoothing, smooth_dense=True)(logits, TARGETS))


def test_micro_batches_weigh_as_much_as_their_batch():
    logits, targets = torch.randn(8, 5), (torch.rand(8, 5) < 0.2).float()
    parts = [MultiLabelLoss(0.1)(*each) for each in zip(logits.split(2), targets.split(2), strict=True)]
    assert_close(torch.stack(parts).mean(), MultiLabelLoss(0.1)(logits, targets))


@pytest.mark.parametrize("mixing", [{"mixup": 0.8}, {"cutmix": 1.0}])
def test_mixing_blends_smoothed_targets_as_it_blends_images_and_smooths_once(mixing):
    augmentation = Augmentation(**mixing, smoothing=0.2)
    mix = multilabel_mixup(augmentation, 3)
    assert mix is not None
    reseed(3)
    images = torch.stack([torch.zeros(3, 16, 16), torch.ones(3, 16, 16)])
    mixed, targets = mix(images, TARGETS.float())
    share = 1 - float(mixed[0].mean())  # of the first image, in the first place
    smoothed = 0.8 * TARGETS.float() + 0.1
    assert_close(targets[0], share * smoothed[0] + (1 - share) * smoothed[1])
    assert_close(targets[1], share * smoothed[1] + (1 - share) * smoothed[0])
    assert multilabel_loss(augmentation).smoothing == 0
    assert multilabel_loss(Augmentation(smoothing=0.2)).smoothing == 0.2


def test_nothing_mixes_without_mixup_and_cutmix():
    assert multilabel_mixup(Augmentation(), 3) is None


def test_a_timm_that_mixes_class_indices_alone_is_refused(monkeypatch):
    class Old:
        def __init__(self, num_classes=1000):
            raise AssertionError(f"built for {num_classes} classes")

    monkeypatch.setattr(module, "Mixup", Old)
    with pytest.raises(UserError, match=r"mixup is 0.2 and cutmix 0.0, .* install timm 1.0.31 or later"):
        multilabel_mixup(Augmentation(mixup=0.2), 3)
    assert multilabel_mixup(Augmentation(), 3) is None
    assert np.isfinite(float(multilabel_loss(Augmentation())(torch.zeros(1, 3), TARGETS[:1].float())))
