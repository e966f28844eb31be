"""Nothing is timed whose answer is wrong."""

import pytest
import torch

from parcnet.ops.oversized import Algorithm
from parcnet.ops.oversized.conv import oversized_conv2d_conv
from parcnet.ops.oversized.problem import never
from parcnet_lab.bench.grid import Case
from parcnet_lab.bench.operands import Operands, disagreement
from parcnet_lab.bench.ops import HOPELESS, auto_is_right, best, competitors, measure

CPU = torch.device("cpu")
CASES = {
    f"{dtype}{' training' if training else ''}": Case(3, 6, 9, 2, dtype, training)
    for dtype in (torch.float32, torch.bfloat16)
    for training in (False, True)
}


class TwiceTheGradient(torch.autograd.Function):
    """Right values, and a gradient of the kernels that is twice what it should be."""

    @staticmethod
    def forward(_, kernel):
        return kernel.clone()

    @staticmethod
    def backward(_, gradient):
        return 2 * gradient


def wrong_gradient(x, kernel_h, kernel_w):
    return oversized_conv2d_conv(x, TwiceTheGradient.apply(kernel_h), kernel_w)


def one_row_missing(x, kernel_h, kernel_w):
    answer = oversized_conv2d_conv(x, kernel_h, kernel_w)
    return answer * (torch.arange(answer.shape[2]) > 0)[:, None]


WRONG = {
    "flipped kernel": lambda x, h, w: oversized_conv2d_conv(x, h.flip(1), w),
    "one row missing": one_row_missing,
    "not a number": lambda x, h, w: oversized_conv2d_conv(x, h, w) * float("nan"),
    "another size": lambda x, h, w: oversized_conv2d_conv(x, h, w)[:, :, :-1],
    "last channel wrong": lambda x, h, w: oversized_conv2d_conv(x, h, w).index_fill(
        1, torch.tensor([x.shape[1] - 1]), 0
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("name", competitors())
@pytest.mark.parametrize("channels_last", [True, False], ids=["channels_last", "nchw"])
def test_every_algorithm_of_ours_passes_the_check(name, case, channels_last):
    case = Case(case.channels, case.height, case.width, case.batch, case.dtype, case.training, channels_last)
    assert disagreement(competitors()[name], case, Operands.of(case, CPU)) is None


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_algorithm_is_found(name, case):
    reason = disagreement(Algorithm(name, WRONG[name], never), case, Operands.of(case, CPU))
    assert reason is not None
    assert "the output" in reason


def test_a_wrong_gradient_is_found_when_training_is_timed():
    algorithm = Algorithm("wrong", wrong_gradient, never)
    inference, training = (Case(2, 5, 5, 2, training=each) for each in (False, True))
    assert disagreement(algorithm, inference, Operands.of(inference, CPU)) is None
    assert "gradient of kernel_h" in disagreement(algorithm, training, Operands.of(training, CPU))


def test_a_wrong_algorithm_is_never_timed_but_named_with_the_reason():
    algorithms = {**competitors(), "wrong": Algorithm("wrong", WRONG["one row missing"], never)}
    (row,) = measure([Case(2, 5, 5, 1)], CPU, 0.0, algorithms)
    assert "wrong" not in row["times"]
    assert "off by" in row["wrong"]["wrong"]
    assert set(row["times"]) == set(competitors()) - set(row["refused"])


def test_an_algorithm_that_refuses_is_not_run():
    def explode(*_):
        raise AssertionError("ran")

    shy = Algorithm("shy", explode, lambda _: "too large for me")
    (row,) = measure([Case(2, 5, 5, 1)], CPU, 0.0, {"conv": competitors()["conv"], "shy": shy})
    assert row["refused"] == {"shy": "too large for me"}
    assert set(row["times"]) == {"conv"}


def test_a_hopeless_algorithm_is_timed_by_a_single_call():
    def idle(*inputs):
        for _ in range(300):
            oversized_conv2d_conv(*inputs)
        return oversized_conv2d_conv(*inputs)

    (row,) = measure(
        [Case(2, 5, 5, 1)], CPU, 0.0, {"conv": competitors()["conv"], "slow": Algorithm("slow", idle, never)}
    )
    assert row["times"]["slow"]["rounds"] == 1
    assert row["times"]["conv"]["rounds"] >= 5
    assert row["times"]["slow"]["median_ms"] > HOPELESS * row["times"]["conv"]["median_ms"]


@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("name", competitors())
def test_maps_come_and_go_in_the_same_layout_so_that_layout_changes_count(name, channels_last):
    case = Case(4, 6, 5, 2, training=True, channels_last=channels_last)
    operands = Operands.of(case, CPU)
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    output, dx, *_ = operands.call(competitors()[name])()
    for each in (operands.x, output, dx):
        assert each.is_contiguous(memory_format=memory_format)


def row(auto, **median_and_range):
    times = {
        name: {"median_ms": median, "p25_ms": median - about, "p75_ms": median + about, "rounds": 5}
        for name, (median, about) in median_and_range.items()
    }
    return {"auto": auto, "times": times}


@pytest.mark.parametrize(
    ("found", "right"),
    [
        (row("a", a=(10, 0), b=(20, 0)), True),
        (row("a", a=(10.4, 0), b=(10, 0)), True),
        (row("a", a=(11, 0.1), b=(10, 0.1)), False),
        (row("a", a=(11, 0.6), b=(10, 0.6)), True),
        (row("c", a=(11, 0.6)), False),
        (row("a"), False),
    ],
    ids=["the best", "within 5%", "slower", "slower within noise", "not timed", "nothing timed"],
)
def test_auto_is_right_within_5_percent_or_noise(found, right):
    assert auto_is_right(found) is right


def test_best_is_the_smallest_median():
    assert best(row("a", a=(10, 0), b=(9, 3))) == "b"
    assert best(row("a")) is None
