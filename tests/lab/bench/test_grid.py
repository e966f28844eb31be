import pytest
import torch

from parcnet.base import UserError
from parcnet_lab.bench.grid import FULL, QUICK, Case, Grid, cases, parse_map

GIB = 2**30


def test_the_full_grid_is_that_of_the_plan_and_cases_above_4_gib_are_left_out():
    fitting, left_out = cases(FULL)
    assert len(fitting) + len(left_out) == 4 * 9 * 3
    assert {case.height for case in fitting} == {7, 14, 28, 56, 100, 128, 200, 256, 512}
    assert max(case.memory for case in fitting) <= 4 * GIB < min(case.memory for case in left_out)
    # 512 channels of 512 x 512 in fp32 are half a GiB a map, and no algorithm does with less than three maps
    assert Case(512, 512, 512, 1) in fitting
    assert Case(512, 512, 512, 8) in left_out


def test_half_precision_fits_more_and_training_less():
    fit = {
        name: len(cases(FULL, **options)[0])
        for name, options in {"fp32": {}, "bf16": {"dtype": torch.bfloat16}, "training": {"training": True}}.items()
    }
    assert fit["training"] < fit["fp32"] < fit["bf16"]


def test_cheap_cases_come_first():
    fitting, left_out = cases(QUICK)
    costs = [case.operations for case in fitting]
    assert costs == sorted(costs)
    assert left_out == []


def test_operations_are_the_multiply_adds_on_the_map_counted_one_by_one():
    height, width = 3, 5
    down = sum(1 for i in range(height) for p in range(height) if abs(p - i) < height) * width
    across = sum(1 for j in range(width) for q in range(width) if abs(q - j) < width) * height
    assert Case(2, height, width, 4).operations == 2 * 2 * 4 * (down + across)
    assert Case(2, height, width, 4, training=True).operations == 3 * Case(2, height, width, 4).operations


def test_the_limit_counts_three_maps():
    case = Case(2, 4, 4, 1)
    grid = Grid((2,), ((4, 4),), (1,))
    assert case.memory == 3 * 2 * 4 * 4 * 4
    assert cases(grid, memory_limit=case.memory) == ([case], [])
    assert cases(grid, memory_limit=case.memory - 1) == ([], [case])


@pytest.mark.parametrize(("text", "size"), [("56", (56, 56)), ("200x334", (200, 334)), ("1x1", (1, 1))])
def test_maps_are_written_as_sides(text, size):
    assert parse_map(text) == size


@pytest.mark.parametrize("text", ["", "0", "3x0", "3x", "x3", "-3", "3.5", "axb"])
def test_what_is_no_map_is_named(text):
    with pytest.raises(UserError, match="is not a size"):
        parse_map(text)
