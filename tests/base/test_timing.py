"""Statistics and order of interleaved timing, on a clock that only the candidates advance."""

import gc

import pytest

from parcnet.base.timing import Timing, interleave, summarise


class Clock:
    """Stands still but for `work`, which writes down who worked."""

    def __init__(self):
        self.now = 0.0
        self.log = []

    def __call__(self):
        return self.now

    def work(self, name, *seconds):
        each = iter(seconds)
        last = seconds[-1]

        def call():
            self.now += next(each, last)
            self.log.append(name)

        return call


@pytest.fixture
def clock():
    return Clock()


def test_median_and_quartiles_are_those_of_the_rounds_without_the_warm_up(clock):
    slow_at_first = clock.work("a", 9, 9, 0.010, 0.050, 0.020, 0.040, 0.030)
    timed = interleave({"a": slow_at_first}, device="cpu", seconds=0, minimum_rounds=5, clock=clock)
    assert timed["a"].rounds == 5
    assert (timed["a"].p25_ms, timed["a"].median_ms, timed["a"].p75_ms) == pytest.approx((20, 30, 40))


def test_every_candidate_runs_once_per_round_and_comes_first_and_last_equally_often(clock):
    names = "abc"
    candidates = {name: clock.work(name, 1) for name in names}
    interleave(candidates, device="cpu", seconds=0, minimum_rounds=6, warmup=1, clock=clock)
    rounds = ["".join(clock.log[at : at + 3]) for at in range(3, len(clock.log), 3)]
    assert len(rounds) == 6
    assert all(sorted(each) == list(names) for each in rounds)
    assert sorted(each[0] for each in rounds) == sorted(each[-1] for each in rounds) == sorted(names * 2)
    assert rounds[0] == rounds[1][::-1]


def test_rounds_stop_when_the_budget_is_spent(clock):
    timed = interleave({"a": clock.work("a", 1), "b": clock.work("b", 3)}, device="cpu", seconds=39, clock=clock)
    assert {name: timing.rounds for name, timing in timed.items()} == {"a": 10, "b": 10}
    assert (timed["a"].median_ms, timed["b"].median_ms) == (1000, 3000)


def test_short_calls_are_timed_in_batches(clock):
    timed = interleave({"a": clock.work("a", 1e-5)}, device="cpu", seconds=0, minimum_rounds=3, warmup=1, clock=clock)
    assert timed["a"].median_ms == pytest.approx(1e-2)
    assert len(clock.log) == pytest.approx(1 + 3 * 50, abs=3)


@pytest.mark.parametrize(("arguments", "word"), [({"warmup": 0}, "warmup"), ({"minimum_rounds": 0}, "minimum_rounds")])
def test_warmup_and_rounds_must_be_positive(arguments, word, clock):
    with pytest.raises(ValueError, match=word):
        interleave({"a": clock.work("a", 1)}, device="cpu", seconds=1, clock=clock, **arguments)


def test_no_candidates_no_times(clock):
    assert interleave({}, device="cpu", seconds=1, clock=clock) == {}


def test_the_garbage_collector_is_disabled_and_restored_also_after_an_error(clock):
    enabled = []

    def look():
        clock.now += 1
        enabled.append(gc.isenabled())
        if len(enabled) == 3:
            raise RuntimeError("broken candidate")

    assert gc.isenabled()
    with pytest.raises(RuntimeError, match="broken candidate"):
        interleave({"a": look}, device="cpu", seconds=0, warmup=1, clock=clock)
    assert enabled == [True, False, False]
    assert gc.isenabled()


def test_a_single_sample_is_its_own_quartiles():
    assert summarise([0.002]) == Timing(2, 2, 2, 1)


def test_overlapping_interquartile_ranges_are_ties():
    assert Timing(10, 9, 11, 5).ties(Timing(12, 11, 13, 5))
    assert not Timing(10, 9, 11, 5).ties(Timing(13, 12, 14, 5))
