"""Predictions stay with their images across batches, limits and unreadable files."""

import shutil

import numpy as np
import pytest
import torch

from parcnet.base import UserError
from parcnet.data import open_image
from parcnet.report.evaluated_images import evaluate_images, open_split, spread
from parcnet.report.robustness_sections import probes
from parcnet.report.run_record import read_run

CPU = torch.device("cpu")


def quiet(*_):
    pass


@pytest.fixture
def run(tmp_path, images, make_run):
    return read_run(make_run(tmp_path / "run", shutil.copytree(images, tmp_path / "data")))


def test_each_prediction_belongs_to_its_image(run):
    evaluated = evaluate_images(run, open_split(run, None, None), 10, CPU, quiet)
    assert evaluated.part == "10 of 24 val images"
    transform = run.explained.preprocessing.transform()
    for index, number in enumerate(evaluated.numbers):
        image = open_image(evaluated.images.where(int(number)))
        logits = run.explained.model(transform(image)[None])[0].detach()
        label = evaluated.images.label(int(number))
        assert evaluated.labels[index] == label
        assert evaluated.predicted[index] == int(logits.argmax())
        assert evaluated.confidence[index] == pytest.approx(float(logits.softmax(0).max()), abs=1e-5)
        assert evaluated.loss[index] == pytest.approx(float(-logits.log_softmax(0)[label]), abs=1e-4)
    assert evaluated.scores.top1 == pytest.approx((evaluated.predicted == evaluated.labels).mean())


def test_an_unreadable_image_is_skipped_everywhere(run, capsys):
    images, split, folder = open_split(run, None, None)
    broken = images.where(5)
    with open(broken, "wb") as file:
        file.write(b"no image")
    with pytest.raises(UserError, match="not an image"):
        evaluate_images(run, (images, split, folder), 24, CPU, quiet)
    recipe = run.recipe
    object.__setattr__(recipe.data, "max_bad_images", 1)
    evaluated = evaluate_images(run, (images, split, folder), 24, CPU, quiet)
    assert evaluated.numbers.tolist() == [number for number in range(24) if number != 5]
    assert evaluated.scores.count == 23
    assert len(probes(evaluated, 100).labels) == 23
    assert broken in capsys.readouterr().err


@pytest.mark.parametrize(("count", "limit", "expected"), [(5, 9, [0, 1, 2, 3, 4]), (100, 3, [0, 50, 99]), (1, 1, [0])])
def test_images_are_spread_from_the_first_to_the_last(count, limit, expected):
    np.testing.assert_allclose(spread(count, limit), expected, atol=1)
    assert len(spread(count, limit)) == len(expected)
