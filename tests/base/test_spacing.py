import numpy as np
import pytest

from parcnet.base.spacing import evenly_spaced


@pytest.mark.parametrize(
    ("count", "limit", "expected"),
    [
        (0, 0, []),
        (0, 5, []),
        (5, 0, []),
        (1, 1, [0]),
        (1, 5, [0]),
        (5, 1, [0]),
        (5, 2, [0, 4]),
        (5, 5, [0, 1, 2, 3, 4]),
        (5, 9, [0, 1, 2, 3, 4]),
        (9, 3, [0, 4, 8]),
        (4, 3, [0, 2, 3]),  # 1.5 rounds to the even neighbour
    ],
)
def test_indices_are_evenly_spaced_from_the_first_to_the_last(count, limit, expected):
    assert evenly_spaced(count, limit) == expected


def test_indices_are_those_of_rounded_linspace_ascending_without_repetition():
    for count in range(40):
        for limit in range(45):
            indices = evenly_spaced(count, limit)
            assert indices == np.unique(np.linspace(0, count - 1, min(count, limit)).round().astype(int)).tolist()
            assert len(indices) == min(count, limit)
            assert all(type(index) is int for index in indices)


@pytest.mark.parametrize(("count", "limit"), [(-1, 3), (3, -1)])
def test_negative_numbers_are_refused(count, limit):
    with pytest.raises(ValueError, match=f"at least 0, got {count} and {limit}"):
        evenly_spaced(count, limit)
