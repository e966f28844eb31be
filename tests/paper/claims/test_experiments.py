"""Every experiment at a tiny setting, and each exact one made wrong."""

import dataclasses
import json
import math

import pytest
import torch
from torch import nn

from parcnet.ops import ALGORITHMS
from parcnet_lab.paper.claims import (
    EXPERIMENTS,
    block_receptive_field,
    border_distortion,
    cost_growth,
    input_sizes,
    kernel_length,
    pass_order,
    position_encoding,
    small_ablations,
)
from parcnet_lab.paper.claims.crop_training import QUICK, CropRecipe, Trained


def measured(experiment, settings):
    noted = []
    outcome, drawings = experiment.measure(settings, lambda seconds, _: noted.append(seconds))
    return outcome, drawings, noted


def test_the_issue_lists_eight_claims():
    assert list(EXPERIMENTS) == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("number", EXPERIMENTS)
def test_every_experiment_runs_draws_and_notes_what_it_promised(number, tiny):
    experiment = EXPERIMENTS[number]
    outcome, drawings, noted = measured(experiment, tiny)
    assert sum(noted) == experiment.seconds(tiny)
    assert outcome.figures
    assert outcome.because
    json.dumps([dataclasses.asdict(outcome), experiment.recipe(tiny)], allow_nan=False)
    for place, drawing in enumerate(drawings):
        path = tiny.folder / f"{place}.png"
        drawing.draw(path)
        assert path.stat().st_size > 5_000, "the picture is all but empty"
    if number in (1, 3, 4, 8):
        assert outcome.verdict == "pass"


def test_claim_1_fails_for_an_operator_whose_passes_do_not_commute(tiny, monkeypatch):
    right = ALGORITHMS["conv"]
    wrong = dataclasses.replace(right, run=lambda x, h, w: right.run(x, h, w) * torch.linspace(1, 2, x.shape[3]))
    monkeypatch.setitem(ALGORITHMS, "conv", wrong)
    assert measured(pass_order.EXPERIMENT, tiny)[0].verdict == "fail"


def test_claim_3_fails_when_the_oversized_convolution_goes_round_the_border(tiny, monkeypatch):
    monkeypatch.setitem(border_distortion._OPERATORS, "oversized", border_distortion.circular)
    assert measured(border_distortion.EXPERIMENT, tiny)[0].verdict == "fail"


def test_claim_4_fails_for_a_block_that_sees_a_window(tiny, monkeypatch):
    seen = block_receptive_field.branch
    monkeypatch.setattr(
        block_receptive_field,
        "branch",
        lambda operator, seed: seen("31x31" if operator == "oversized" else operator, seed),
    )
    assert measured(block_receptive_field.EXPERIMENT, tiny)[0].verdict == "fail"


def test_claim_8_fails_for_padding_that_is_not_empty(tiny, monkeypatch):
    def replicated(x, kernel):
        margin = kernel.shape[1] // 2
        padded = nn.functional.pad(x, (0, 0, margin, margin), mode="replicate")
        return nn.functional.conv2d(padded, kernel[:, None, :, None], groups=len(kernel))

    monkeypatch.setattr(kernel_length, "_convolve", replicated)
    assert measured(kernel_length.EXPERIMENT, tiny)[0].verdict == "fail"


def test_the_area_of_a_field_is_the_smallest_that_holds_the_share():
    import numpy as np

    concentrated, even = np.zeros((10, 10)), np.ones((10, 10))
    concentrated[3, 4] = 1
    assert block_receptive_field.area_of(concentrated, 0.9) == 0.01
    assert block_receptive_field.area_of(even, 0.9) == pytest.approx(0.9)


@pytest.mark.parametrize(("operator", "tells"), [("circular", False), ("oversized", True), ("7x7", True)])
def test_only_a_circular_stack_pools_every_place_alike(operator, tells):
    torch.manual_seed(0)
    assert (position_encoding.deviation(position_encoding.Stack(operator).eval()) > 1e-3) == tells


def test_an_unknown_operator_is_named():
    with pytest.raises(ValueError, match="oversized, circular, 7x7"):
        position_encoding.Stack("9x9")


def results(top1: float, spread: float = 0.0) -> list[Trained]:
    return [Trained(top1 + sign * spread, 1.0, 1.0, 10, 2.0) for sign in (-1, 0, 1)]


@pytest.mark.parametrize(
    ("worse", "spread", "verdict"),
    [(0.3, 0.0, "supported"), (0.5, 0.0, "contradicted"), (0.39, 0.1, "undecided"), (0.4, 0.0, "undecided")],
)
def test_claim_6_judges_differences_seed_by_seed(worse, spread, verdict):
    """Equal spread in the same seeds cancels; spread of one side alone leaves the matter open."""
    found = {subject.name: results(0.4, 0.05) for subject in small_ablations.NETWORKS}
    found["add"] = results(worse, 0.05 + spread)
    outcome, _ = small_ablations.judge(found, CropRecipe())
    first = outcome.figures[0]
    assert (first.verdict, first.paper) == (verdict, "79.4 / 68.4")
    assert first.interval is not None
    assert first.interval.mean == pytest.approx(100 * (0.4 - worse))
    assert outcome.seconds == 2.0 * 3 * len(small_ablations.NETWORKS)
    assert outcome.verdict == ("contradicted" if verdict == "contradicted" else "undecided")


def test_claim_6_names_every_mean_that_points_the_other_way():
    found = {subject.name: results(0.4, 0.05) for subject in small_ablations.NETWORKS}
    assert "No mean has the opposite sign" in small_ablations.judge(found, CropRecipe())[0].because
    found["no_oversized"] = results(0.43, 0.2)
    because = small_ablations.judge(found, CropRecipe())[0].because
    assert "in 1: oversized over none (-3.00 points)." in because
    assert "5.6 %" in because


def test_claim_6_compares_networks_that_differ_in_one_option():
    compared = {side for each in small_ablations.COMPARISONS for side in (each.better, each.worse)}
    assert compared == {subject.name for subject in small_ablations.NETWORKS}
    sizes_of = {
        subject.name: sum(parameter.numel() for parameter in subject.build(QUICK).parameters())
        for subject in small_ablations.NETWORKS
    }
    for each in small_ablations.COMPARISONS:
        assert sizes_of[each.worse] == pytest.approx(sizes_of[each.better], rel=0.1), each


def session(**power: float) -> list[dict]:
    sides = (28, 56, 112, 224)
    return [
        {
            "height": side,
            "times": {
                name: {"median_ms": 1e-6 * side**each * (math.log(side) if name == "fft" else 1), "rounds": 5}
                for name, each in power.items()
            },
        }
        for side in sides
    ]


@pytest.mark.parametrize(
    ("power", "verdict"),
    [
        ({"conv": 3.0, "matmul": 2.5, "fft": 2.0}, "supported"),
        ({"conv": 4.0, "matmul": 3.0, "fft": 2.0}, "contradicted"),
        ({"conv": 3.0, "matmul": 3.0, "fft": 3.0}, "contradicted"),
    ],
)
def test_claim_7_holds_exponents_against_the_stated_ones(power, verdict):
    outcome, _ = cost_growth._judge([session(**power), session(**power)])
    assert outcome.verdict == verdict


def test_claim_7_is_contradicted_when_the_counted_multiply_adds_are_others(monkeypatch):
    monkeypatch.setattr(cost_growth, "multiply_adds", lambda side: side)
    power = {"conv": 3.0, "matmul": 2.5, "fft": 2.0}
    assert cost_growth._judge([session(**power), session(**power)])[0].verdict == "contradicted"


@pytest.mark.parametrize(("fixed", "verdict"), [(20.0, "supported"), (40.0, "contradicted"), (30.0, "undecided")])
def test_claim_5_holds_interpolated_kernels_against_fixed_ones(fixed, verdict):
    scores = {
        mode: {size: [30.0 + seed, 31.0 + seed] for size in (*input_sizes.SQUARES, *input_sizes.OBLONGS)}
        for seed, mode in enumerate(input_sizes.MODES)
    }
    scores["fixed"] = {size: [fixed, fixed + 1.0] for size in scores["fixed"]}
    outcome, _ = input_sizes._judge(scores, 0.0, CropRecipe(), 1.0)
    assert outcome.verdict == verdict
