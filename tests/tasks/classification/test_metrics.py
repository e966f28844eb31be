import math

import numpy as np
import pytest
import torch

from parcnet.base import UserError
from parcnet.tasks.classification.metrics import evaluate_classification


def identity(images):
    """A predictor whose logits are the images themselves, so that the metrics are known."""
    return images


def batches(*rows, size=2):
    logits = torch.tensor([row for row, _ in rows], dtype=torch.float32)
    labels = torch.tensor([label for _, label in rows])
    return list(zip(logits.split(size), labels.split(size), strict=True))


def test_metrics_equal_hand_computed_ones():
    rows = ([2.0, 1.0, 0.0], 0), ([0.0, 1.0, 2.0], 2), ([2.0, 1.0, 0.0], 1)
    result = evaluate_classification(identity, batches(*rows), 3)
    assert result.count == 3
    assert result.top1 == pytest.approx(2 / 3)
    assert result.top5 == 1
    log_sum = math.log(math.exp(2) + math.exp(1) + 1)
    assert result.loss == pytest.approx(((log_sum - 2) * 2 + (log_sum - 1)) / 3)
    np.testing.assert_array_equal(result.confusion, [[1, 0, 0], [1, 0, 0], [0, 0, 1]])


def test_top5_counts_the_five_likeliest_classes():
    logits = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0]
    result = evaluate_classification(identity, batches(*((logits, label) for label in range(7))), 7)
    assert result.top1 == pytest.approx(1 / 7)
    assert result.top5 == pytest.approx(5 / 7)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_each_image_counts_once_whatever_the_batch_size(size):
    rows = [(torch.randn(4).tolist(), label % 4) for label in range(7)]
    whole, split = (
        evaluate_classification(identity, batches(*rows, size=7), 4),
        evaluate_classification(identity, batches(*rows, size=size), 4),
    )
    assert split.count == 7
    assert split.loss == pytest.approx(whole.loss)
    np.testing.assert_array_equal(split.confusion, whole.confusion)


def test_no_image_is_an_error_not_a_division_by_zero():
    with pytest.raises(UserError, match="no image to evaluate"):
        evaluate_classification(identity, [], 3)


def test_a_wrong_number_of_logits_is_an_error():
    with pytest.raises(UserError, match=r"logits \[1, 3\]; expected \[1, 4\]"):
        evaluate_classification(identity, batches(([1.0, 2.0, 3.0], 0)), 4)


def test_a_label_without_a_logit_is_an_error():
    with pytest.raises(UserError, match="class index 5, but the network has 3"):
        evaluate_classification(identity, batches(([1.0, 2.0, 3.0], 5)), 3)


@pytest.mark.parametrize(("images", "world"), [(25, 2), (7, 3), (1, 2)])
def test_ranks_with_unequal_numbers_of_images_have_the_metrics_of_the_whole(images, world, on_ranks):
    rows = [(torch.randn(4).tolist(), label % 3) for label in range(images)]
    whole = evaluate_classification(identity, batches(*rows), 4)

    def part(rank, reduction):
        return evaluate_classification(identity, batches(*rows[rank::world]) if rank < images else [], 4, reduction)

    for found in on_ranks(world, part):
        assert (found.count, found.top1, found.top5) == (images, whole.top1, whole.top5)
        assert found.loss == pytest.approx(whole.loss)
        np.testing.assert_array_equal(found.confusion, whole.confusion)
        np.testing.assert_array_equal(found.support, whole.support)
