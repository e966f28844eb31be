import numpy as np
import pytest
import torch
from timm.task import MultiLabelClassificationEvaluator

from parcnet.base import UserError
from parcnet.tasks.multilabel.average_precision import average_precision
from parcnet.tasks.multilabel.metrics import evaluate_multilabel


def identity(images):
    """A predictor whose logits are the images themselves."""
    return images


def random_scores(images=57, classes=7, seed=0):
    """Logits with many ties, and targets in which class 1 has no positive, class 2 no negative, image 0 no label."""
    generator = torch.Generator().manual_seed(seed)
    logits = (4 * torch.randn(images, classes, generator=generator)).round(decimals=0) / 2
    targets = (torch.rand(images, classes, generator=generator) < 0.3).float()
    targets[:, 1], targets[:, 2], targets[0] = 0, 1, 0
    return logits, targets


class Parts:
    """The reduction of the first of several processes, whose contents are known."""

    def __init__(self, *others):
        self.others = others

    def total(self, values):
        raise AssertionError(f"average precision is no sum, as of {values}")

    def gathered(self, content):
        return [content, *self.others]


def content_of(logits, targets):
    """What a process gives to the others."""
    seen = []

    class Recorded(Parts):
        def gathered(self, content):
            seen.append(content)
            return [content]

    evaluate_multilabel(identity, [(logits, targets)], logits.shape[1], 0.5, Recorded())
    return seen[0]


@pytest.mark.parametrize("threshold", [0.5, 0.3, 0.9])
@pytest.mark.parametrize("seed", range(5))
def test_metrics_are_those_of_timms_evaluator(seed, threshold):
    logits, targets = random_scores(seed=seed)
    theirs = MultiLabelClassificationEvaluator(threshold=threshold)
    theirs.update(logits, targets)
    expected = theirs.compute()
    batches = list(zip(logits.split(10), targets.split(10), strict=True))
    ours = evaluate_multilabel(identity, batches, 7, threshold).metrics()
    assert ours.keys() == expected.keys()
    assert ours.pop("loss") == pytest.approx(expected.pop("loss"), rel=1e-6)  # theirs sums in float32
    assert {name: 100 * value for name, value in ours.items()} == pytest.approx(dict(expected), abs=1e-10)


def test_average_precision_is_scikit_learns():
    from sklearn.metrics import average_precision_score

    logits, targets = random_scores()
    scores = evaluate_multilabel(identity, [(logits, targets)], 7, 0.5)
    for index in (0, 2, 3, 4, 5, 6):  # class 1 has no positive, where scikit-learn warns
        assert scores.ap[index] == pytest.approx(average_precision_score(targets[:, index], logits[:, index]))
    assert scores.ap[1] == 0
    assert scores.positives[1] == 0


def test_average_precision_by_hand():
    positive = np.array([True, False, True, False])
    assert average_precision(np.array([4.0, 3.0, 2.0, 1.0]), positive) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(np.array([1.0, 1.0, 1.0, 1.0]), positive) == 0.5  # one threshold: all images
    assert average_precision(np.array([1.0, 2.0, 3.0, 4.0]), ~positive) == pytest.approx((1 + 2 / 3) / 2)


def test_no_decision_and_no_label_have_an_f1_of_zero():
    scores = evaluate_multilabel(identity, [(torch.full((3, 2), -5.0), torch.zeros(3, 2))], 2, 0.5)
    assert (scores.micro_f1, scores.macro_f1, scores.sample_f1, scores.map) == (0, 0, 0, 0)


def test_a_probability_at_the_threshold_counts_as_predicted():
    at = evaluate_multilabel(identity, [(torch.zeros(1, 1), torch.ones(1, 1))], 1, 0.5)
    above = evaluate_multilabel(identity, [(torch.zeros(1, 1), torch.ones(1, 1))], 1, 0.51)
    assert (at.micro_f1, above.micro_f1) == (1, 0)


@pytest.mark.parametrize("first", [0, 1, 20])
def test_parts_of_several_processes_give_the_metrics_of_the_whole(first):
    logits, targets = random_scores()
    whole = evaluate_multilabel(identity, [(logits, targets)], 7, 0.5)
    others = [content_of(logits[rows], targets[rows]) for rows in (slice(first, 30), slice(30, None))]
    own = [(logits[:first], targets[:first])] if first else []
    together = evaluate_multilabel(identity, own, 7, 0.5, Parts(*others))
    assert together.metrics() == whole.metrics()
    assert together.count == 57
    np.testing.assert_array_equal(together.ap, whole.ap)


def test_no_image_is_an_error_not_a_division_by_zero():
    with pytest.raises(UserError, match="no image to evaluate"):
        evaluate_multilabel(identity, [], 3, 0.5)


def test_a_network_with_another_number_of_classes_is_named():
    with pytest.raises(UserError, match=r"logits \[1, 3\]; expected \[1, 4\]"):
        evaluate_multilabel(identity, [(torch.zeros(1, 3), torch.zeros(1, 4))], 4, 0.5)
