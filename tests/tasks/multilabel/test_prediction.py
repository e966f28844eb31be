import pytest
import torch

from parcnet.tasks.multilabel.class_scores import MultiLabelClassScores
from parcnet.tasks.multilabel.prediction import label_prediction

CLASSES = ("cat", "dog", "emu")
LOGITS = torch.tensor([0.9, 0.5, 0.1]).logit()


def test_every_label_from_the_threshold_on_is_listed_the_likeliest_first():
    found = label_prediction(LOGITS[[1, 0, 2]], CLASSES, 0.5, top=1)
    assert found.lines() == [" 90.00%  dog", " 50.00%  cat"]
    assert [name for name, _ in found.labels] == ["dog", "cat"]


def test_without_a_label_the_likeliest_is_marked():
    (line,) = label_prediction(LOGITS, CLASSES, 0.95, top=5).lines()
    assert line == " 90.00%  cat, the likeliest: no label reaches the threshold of 95%"


def test_json_has_labels_threshold_and_the_likeliest():
    values = label_prediction(LOGITS, CLASSES, 0.7, top=2).to_dict()
    assert values["threshold"] == 0.7
    assert values["labels"] == [{"class": "cat", "probability": pytest.approx(0.9)}]
    assert [each["class"] for each in values["top"]] == ["cat", "dog"]


def test_grad_cam_differentiates_the_logit_and_reports_its_sigmoid():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3))
    image = torch.randn(1, 3, 2, 2)
    found = MultiLabelClassScores(network)(image)
    assert torch.equal(found.scores, network(image))
    assert torch.equal(found.confidence, network(image).sigmoid())
