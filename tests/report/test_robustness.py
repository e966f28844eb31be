"""Robustness is measured on the same images, with the network's own preprocessing."""

import dataclasses

import pytest
import torch

from parcnet.report.bounds import QUICK, Bounds
from parcnet.report.evaluated_images import evaluate_images, open_split
from parcnet.report.robustness_sections import corruptions, probes, sizes, work
from parcnet.report.run_record import read_run
from parcnet.report.section import Album

CPU = torch.device("cpu")


def quiet(*_):
    pass


class Bright(torch.nn.Module):
    """Predicts class 1 for the brighter half of the images."""

    def forward(self, x):
        return torch.stack([torch.zeros(len(x)), x.mean((1, 2, 3)) + 0.85], 1)


@pytest.fixture
def evaluated(tmp_path, images, make_run):
    run = read_run(make_run(tmp_path / "run", images))
    run = dataclasses.replace(run, explained=dataclasses.replace(run.explained, model=Bright()))
    return run, evaluate_images(run, open_split(run, None, None), 24, CPU, quiet)


def test_brightness_fools_a_brightness_classifier_and_the_training_size_changes_nothing(evaluated, tmp_path):
    run, found = evaluated
    bounds = Bounds(corruptions=("brightness", "contrast"), severities=(1, 5), factors=(1.0,))
    subset = probes(found, 24)
    section = corruptions(run, subset, bounds, CPU, Album(tmp_path), quiet)
    rows = {row[0]: row[1:] for row in section.tables[0].rows}
    clean = f"{found.scores.top1:.2%} without corruption"
    assert clean in section.text[0]
    assert found.scores.top1 != 0.5
    assert rows["brightness"][1] == "50.0 %"  # all bright, so half of two classes
    assert rows["low contrast"] == (f"{100 * found.scores.top1:.1f} %",) * 2  # which leaves the mean alone
    assert rows["mean"][1] == f"{(50 + 100 * found.scores.top1) / 2:.1f} %"


def test_an_unsupported_size_is_reported(evaluated, tmp_path):
    run, found = evaluated

    class Fixed(Bright):
        def forward(self, x):
            assert x.shape[-1] == 32, "Input width must be 32"
            return super().forward(x)

    run = dataclasses.replace(run, explained=dataclasses.replace(run.explained, model=Fixed()))
    section = sizes(run, probes(found, 8), Bounds(factors=(0.5, 1.0)), CPU, Album(tmp_path), quiet)
    assert [row[0] for row in section.tables[0].rows] == ["32 x 32 (as trained)"]
    assert section.missing == ["16 x 16 px: the network does not support it (Input width must be 32)."]


def test_the_quick_report_is_a_tenth_of_the_work():
    assert work(QUICK, QUICK.probes) < 0.1 * work(Bounds(), Bounds().probes)
