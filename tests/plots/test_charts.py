import numpy as np
import pytest
from PIL import Image

from parcnet.plots.charts import charts
from parcnet.plots.intervals import Difference, IntervalChart
from parcnet.plots.lines import Line, LineChart
from parcnet.plots.panels import Panel, panels

CURVE = LineChart({"ours": Line([1, 2, 3], [0.1, 0.4, 0.2], [0.0, 0.3, 0.1], [0.2, 0.5, 0.3])}, "x", "y", "title")


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_charts_stand_side_by_side(tmp_path):
    charts([CURVE], tmp_path / "one.png")
    charts([CURVE, CURVE], tmp_path / "two.png")
    one, two = pixels(tmp_path / "one.png"), pixels(tmp_path / "two.png")
    assert two.shape[1] == 2 * one.shape[1]
    assert (two < 250).any(2).mean() > 0.01


def test_a_band_and_a_baseline_leave_ink(tmp_path):
    bare = LineChart({"ours": Line([1, 2, 3], [0.1, 0.4, 0.2])}, "x", "y", "title")
    charts([bare], tmp_path / "bare.png")
    charts([CURVE], tmp_path / "band.png")
    assert (pixels(tmp_path / "band.png") < 250).any(2).mean() > (pixels(tmp_path / "bare.png") < 250).any(2).mean()


@pytest.mark.parametrize(("low", "high", "color"), [(1, 3, "blue"), (-3, -1, "red"), (-1, 1, "grey")])
def test_an_interval_is_blue_above_zero_red_below_and_grey_across(low, high, color, tmp_path):
    row = Difference("a comparison", (low + high) / 2, low, high, [low, high], "79.4 / 78.9")
    charts([IntervalChart([row], "points")], tmp_path / "row.png")
    image = pixels(tmp_path / "row.png")
    red, green, blue = image[..., 0], image[..., 1], image[..., 2]
    counted = {"blue": (blue > red + 60).sum(), "red": (red > blue + 60).sum()}
    counted["grey"] = ((abs(red - green) < 5) & (abs(red - 118) < 12)).sum()
    assert counted[color] > 200
    assert all(counted[other] < 100 for other in ("blue", "red") if other != color)


@pytest.mark.parametrize("kind", ["image", "signed", "amount"])
def test_maps_are_drawn_with_their_mark(kind, tmp_path):
    values = np.linspace(-1, 1, 64).reshape(8, 8)
    panels([Panel("a", values, kind), Panel("b", values, kind, mark=(2, 3))], 2, tmp_path / "maps.png")
    image = pixels(tmp_path / "maps.png")
    assert (image < 250).any(2).mean() > 0.2


def test_a_map_of_zeros_has_a_scale_and_an_unknown_kind_is_named(tmp_path):
    panels([Panel("zeros", np.zeros((4, 4)), "amount")], 1, tmp_path / "zeros.png")
    with pytest.raises(ValueError, match="'image', 'signed' or 'amount'"):
        panels([Panel("a", np.zeros((4, 4)), "rainbow")], 1, tmp_path / "other.png")
