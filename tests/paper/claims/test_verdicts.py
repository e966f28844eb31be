import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from parcnet_lab.paper.claims.verdicts import Interval, direction, exact, interval, near, paired, together

values = st.floats(-100, 100, allow_nan=False).map(lambda value: round(value, 2))


def test_the_interval_of_three_seeds_by_hand():
    found = interval([1.0, 2.0, 3.0])  # s = 1, t(0.975, 2) = 4.302653
    assert found.mean == pytest.approx(2.0)
    assert found.high - found.mean == pytest.approx(4.302653 / 3**0.5, rel=1e-6)
    assert found.mean - found.low == pytest.approx(found.high - found.mean)
    assert direction(found) == "undecided"


@given(st.lists(st.tuples(values, values), min_size=2, max_size=8))
def test_a_direction_is_decided_exactly_when_the_paired_t_test_is(pairs):
    ours, theirs = zip(*pairs, strict=True)
    differences = [a - b for a, b in pairs]
    if max(differences) - min(differences) < 0.01:
        return  # scipy divides by a spread of zero
    p = ttest_rel(ours, theirs).pvalue
    if abs(p - 0.05) < 1e-6:
        return
    expected = "undecided" if p > 0.05 else "supported" if sum(differences) > 0 else "contradicted"
    assert direction(paired(ours, theirs)) == expected


@given(st.lists(values, min_size=2, max_size=6))
def test_exchanging_the_sides_exchanges_the_verdict(differences):
    opposite = {"supported": "contradicted", "contradicted": "supported", "undecided": "undecided"}
    ours = direction(interval(differences, 0.1))
    assert direction(interval([-each for each in differences], 0.1)) == opposite[ours]


def test_equal_counts_of_two_seeds_do_not_make_a_certain_difference():
    assert direction(interval([0.2, 0.2])) == "supported"
    assert direction(interval([0.2, 0.2], step=0.2)) == "undecided"


def test_one_seed_has_no_interval():
    with pytest.raises(ValueError, match="two seeds"):
        interval([1.0])


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (2.8, 3.2, "supported"),
        (2.6, 2.9, "undecided"),
        (2.9, 3.4, "undecided"),
        (2.0, 2.6, "contradicted"),
        (3.4, 4.0, "contradicted"),
        (2.0, 4.0, "undecided"),
    ],
)
def test_near_wants_the_whole_interval_within_the_tolerance(low, high, verdict):
    assert near(Interval((low + high) / 2, low, high, 3), 3.0, 0.3) == verdict


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        (["supported", "supported"], "supported"),
        (["supported", "undecided"], "undecided"),
        (["supported", "contradicted", "undecided"], "contradicted"),
        ([], "undecided"),
    ],
)
def test_a_claim_of_several_parts_is_as_good_as_its_worst(parts, whole):
    assert together(parts) == whole


def test_algebra_passes_or_fails():
    assert (exact(True), exact(False)) == ("pass", "fail")
