import math

import numpy as np
import pytest
import torch
from torchmetrics import JaccardIndex

from parcnet.base import UserError
from parcnet.tasks.reduction import ONE_PROCESS
from parcnet.tasks.segmentation import InferenceSettings
from parcnet.tasks.segmentation.data import IGNORED
from parcnet.tasks.segmentation.metrics import evaluate_segmentation

SETTINGS = InferenceSettings((64, 64), "whole")


def oracle(images):
    """Logits of four classes whose argmax is the value of the red channel."""
    return 8.0 * torch.nn.functional.one_hot(images[:, 0].round().long(), 4).movedim(-1, 1).float()


def image_of(predicted):
    return torch.from_numpy(predicted).float()[None].repeat(3, 1, 1)


def scored(pairs, num_classes=4, batch=2, reduction=ONE_PROCESS):
    """pairs of (predicted, true) label maps, in batches."""
    batches = [
        ([image_of(predicted) for predicted, _ in part], [torch.from_numpy(true).long() for _, true in part])
        for part in (pairs[place : place + batch] for place in range(0, len(pairs), batch))
    ]
    return evaluate_segmentation(oracle, batches, num_classes, SETTINGS, reduction)


def random_pairs(count=5, classes=4, size=(48, 64)):
    draw = np.random.default_rng(0)
    pairs = []
    for _ in range(count):
        true = draw.integers(0, classes, size)
        true[draw.random(size) < 0.2] = IGNORED
        predicted = np.where(draw.random(size) < 0.6, true, draw.integers(0, classes, size))
        pairs.append((np.where(predicted == IGNORED, 0, predicted), true))
    return pairs


def test_metrics_equal_those_of_a_hand_computed_confusion_matrix():
    pairs = random_pairs()
    counts = np.zeros((4, 4), int)
    for predicted, true in pairs:
        for each, found in zip(true.flat, predicted.flat, strict=True):
            if each != IGNORED:
                counts[each, found] += 1
    union = [counts[c].sum() + counts[:, c].sum() - counts[c, c] for c in range(4)]
    result = scored(pairs)
    assert np.array_equal(result.confusion, counts)
    assert result.miou == pytest.approx(np.mean([counts[c, c] / union[c] for c in range(4)]))
    assert result.macc == pytest.approx(np.mean([counts[c, c] / counts[c].sum() for c in range(4)]))
    assert result.aacc == pytest.approx(np.trace(counts) / counts.sum())


def test_miou_equals_torchmetrics_over_all_pixels_together():
    pairs = random_pairs()
    metric = JaccardIndex(task="multiclass", num_classes=4, ignore_index=IGNORED)
    for predicted, true in pairs:
        metric.update(torch.from_numpy(predicted), torch.from_numpy(true))
    assert scored(pairs).miou == pytest.approx(float(metric.compute()), rel=1e-6)


def test_metrics_do_not_depend_on_the_batch_size():
    pairs = random_pairs()
    one, five = scored(pairs, batch=1), scored(pairs, batch=5)
    assert one.metrics() == pytest.approx(five.metrics())
    assert one.count == five.count == 5


def test_a_class_neither_present_nor_predicted_is_excluded_from_the_means():
    true = np.zeros((64, 64), int)
    true[:, 32:] = 1
    predicted = true.copy()
    predicted[0, 0] = 2
    result = scored([(predicted, true)])
    assert math.isnan(result.iou[3])
    assert result.iou[2] == 0  # predicted but absent
    assert math.isnan(result.accuracy[2])
    assert result.miou == pytest.approx((2047 / 2048 + 1 + 0) / 3)
    assert result.macc == pytest.approx((2047 / 2048 + 1) / 2)


def test_images_are_scored_at_their_own_size():
    small, large = np.ones((16, 48), int), np.ones((64, 32), int)
    result = scored([(small, small), (large, large)])
    assert result.confusion[1, 1] == 16 * 48 + 64 * 32


def test_confusion_matrices_of_parts_add_up():
    pairs = random_pairs(4)
    parts = [scored(pairs[:2]), scored(pairs[2:])]
    assert np.array_equal(sum(part.confusion for part in parts), scored(pairs).confusion)


@pytest.mark.parametrize("labels", [[], [np.full((8, 8), IGNORED)]])
def test_no_labelled_pixel_is_an_error(labels):
    with pytest.raises(UserError, match="no labelled pixel"):
        scored([(np.zeros_like(each), each) for each in labels])


def test_a_label_without_a_logit_is_an_error():
    true = np.full((8, 8), 7)
    with pytest.raises(UserError, match="labels go up to 7; expected 4"):
        scored([(np.zeros_like(true), true)])


def test_a_network_of_other_classes_is_an_error_also_where_every_pixel_is_ignored():
    ignored = np.full((8, 8), IGNORED)
    with pytest.raises(UserError, match="the network returned 4 classes, every pixel is ignored; expected 5"):
        scored([(np.zeros_like(ignored), ignored)], num_classes=5)


@pytest.mark.parametrize(("images", "world"), [(5, 2), (4, 3), (1, 2)])
def test_ranks_with_unequal_numbers_of_images_have_the_metrics_of_the_whole(images, world, on_ranks):
    pairs = random_pairs(images)
    whole = scored(pairs)
    for found in on_ranks(world, lambda rank, reduction: scored(pairs[rank::world], reduction=reduction)):
        assert found.count == images
        assert np.array_equal(found.confusion, whole.confusion)
        assert found.loss == pytest.approx(whole.loss)
