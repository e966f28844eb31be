import math

import pytest

from parcnet_lab.bench.cost_exponents import curves, expected, exponent, exponents

SIDES = (14, 28, 56, 112)


def rows(**cost):
    return [
        {"height": side, "times": {name: {"median_ms": of(side), "rounds": 5} for name, of in cost.items()}}
        for side in reversed(SIDES)
    ]


@pytest.mark.parametrize("power", [0, 1, 2.5, 3])
def test_the_exponent_of_a_power_is_found(power):
    assert exponent(SIDES, [3e-4 * side**power for side in SIDES]) == pytest.approx(power)


def test_fixed_costs_weigh_less_in_the_upper_half():
    (found,) = exponents(rows(conv=lambda side: 2.0 + 1e-4 * side**3))
    assert found["sides"] == [56, 112]
    assert found["fitted"] > exponent(SIDES, [2.0 + 1e-4 * side**3 for side in SIDES]) + 0.3
    assert (found["expected"], found["formula"]) == (3, "n^3")


def test_the_expected_exponent_of_the_fft_is_the_slope_of_its_arithmetic():
    side, step = 100.0, 1 + 1e-6
    arithmetic = [n * n * math.log(n) for n in (side, side * step)]
    assert expected("fft", side) == pytest.approx(math.log(arithmetic[1] / arithmetic[0]) / math.log(step), rel=1e-4)


def test_one_side_has_no_exponent_and_an_unknown_algorithm_no_expectation():
    (found,) = exponents(rows(mine=lambda side: side)[-1:])
    assert (found["fitted"], found["expected"], found["formula"]) == (None, None, "")


def test_curves_are_sorted_by_side():
    assert curves(rows(conv=float)) == {"conv": (list(SIDES), list(map(float, SIDES)))}
