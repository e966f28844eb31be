import pytest
import torch
from torch.testing import assert_close

from parcnet.recipes import Augmentation
from parcnet.tasks.classification.loss import classification_loss
from parcnet.tasks.classification.prediction import top_k


def test_loss_without_mixing_is_label_smoothing_by_its_definition():
    logits, labels = torch.randn(5, 4, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 0])
    log_p = logits.log_softmax(-1)
    right = log_p[range(5), labels]
    expected = (-(1 - 0.1) * right - 0.1 * log_p.mean(-1)).mean()
    assert_close(classification_loss(Augmentation(smoothing=0.1))(logits, labels), expected)


@pytest.mark.parametrize("mixing", [{"mixup": 0.8}, {"cutmix": 1.0}, {"mixup": 0.8, "cutmix": 1.0}])
def test_loss_with_mixing_is_cross_entropy_to_soft_targets(mixing):
    logits, targets = torch.randn(5, 4, dtype=torch.float64), torch.rand(5, 4, dtype=torch.float64)
    expected = -(targets * logits.log_softmax(-1)).sum(-1).mean()
    assert_close(classification_loss(Augmentation(**mixing))(logits, targets), expected)


def test_top_k_lists_the_likeliest_first():
    logits = torch.log(torch.tensor([[0.2, 0.5, 0.3], [0.9, 0.06, 0.04]]))
    (first, second), (best, _) = top_k(logits, ("cat", "dog", "emu"), 2)
    assert (first[0], second[0], best[0]) == ("dog", "emu", "cat")
    assert first[1] == pytest.approx(0.5)


def test_top_k_returns_all_classes_when_there_are_fewer():
    assert [name for name, _ in top_k(torch.tensor([[1.0, 2.0]]), ("a", "b"), 5)[0]] == ["b", "a"]
