import numpy as np
import pytest
from PIL import Image

from parcnet.plots.scaling import scaling

SIDES = [14, 28, 56, 112]


@pytest.mark.parametrize("algorithms", [1, 4, 7])
def test_every_algorithm_leaves_ink_with_and_without_an_expectation(algorithms, tmp_path):
    curves = {f"a{n}": (SIDES, [(n + 1) * side**2 / 1e3 for side in SIDES]) for n in range(algorithms)}
    expected = {"a0": ("n^2", 2.0, 1.98), "a1": ("n^2 log n", 2.2, None)}
    scaling(curves, expected, "conditions", tmp_path / "curve.png")
    with Image.open(tmp_path / "curve.png") as image:
        assert (np.asarray(image.convert("L")) < 250).mean() > 0.01


def test_a_single_side_is_drawn(tmp_path):
    scaling({"conv": ([7], [0.3])}, {"conv": ("n^3", 3.0, None)}, "one", tmp_path / "one.png")
    assert (tmp_path / "one.png").stat().st_size > 0
