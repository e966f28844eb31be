import numpy as np
import pytest
from PIL import Image

from parcnet.plots.lines import Line, LineChart
from parcnet.plots.maps import MapChart, mosaic
from parcnet.plots.overlays import OverlayRow, overlay_rows
from parcnet.plots.panels import Panel
from parcnet.plots.sheet import sheet

CURVE = LineChart({"ours": Line([1, 2, 3], [0.1, 0.4, 0.2])}, "x", "y", "title")


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_a_mosaic_keeps_each_tile_and_leaves_the_rest_empty():
    tiles = np.arange(1.0, 13.0).reshape(3, 2, 2)
    shown = mosaic(tiles, 2)
    assert shown.shape == (6, 6)
    np.testing.assert_allclose(shown[:2, 3:5], tiles[1] / 8)
    assert np.isnan(shown[3:, 3:]).all()


def test_a_sheet_has_every_chart_and_room_for_its_caption(tmp_path):
    values = np.linspace(-1, 1, 48).reshape(6, 8)
    chart = MapChart(
        Panel("a map", values, "signed"), "column, px", "row, px", bar="unit", squares=((3, "20%"), (5, "50%"))
    )
    sheet([[chart, chart], [CURVE]], tmp_path / "bare.png")
    sheet([[chart, chart], [CURVE]], tmp_path / "said.png", "What is seen here. " * 20)
    bare, said = pixels(tmp_path / "bare.png"), pixels(tmp_path / "said.png")
    assert said.shape[0] > bare.shape[0]
    assert (bare[: bare.shape[0] // 2, bare.shape[1] // 2 :] < 250).any(2).mean() > 0.05
    assert (said[bare.shape[0] :] < 250).any(2).mean() > 0.01


@pytest.mark.parametrize("suffix", [".svg", ".pdf"])
def test_a_sheet_is_drawn_in_vectors(suffix, tmp_path):
    sheet([[CURVE]], tmp_path / f"sheet{suffix}", "caption")
    assert (tmp_path / f"sheet{suffix}").stat().st_size > 1000


@pytest.mark.parametrize("channels", [(), (3,)])
def test_heat_is_light_where_it_is_high_over_grey_and_coloured_images(channels, tmp_path):
    image = np.full((20, 20, *channels), 120, np.uint8)
    heat = np.zeros((20, 20))
    heat[:, 10:] = 1.0
    rows = [OverlayRow("images", [image, image], names=["a", "b"]), OverlayRow("net", [image, image], [heat, heat])]
    overlay_rows(rows, tmp_path / "x.png", "a caption", "share")
    overlay_rows(rows[:1], tmp_path / "first.png", "a caption", "share")
    drawn = pixels(tmp_path / "x.png")
    yellow = ((drawn[..., 0] > 180) & (drawn[..., 1] > 150) & (drawn[..., 2] < 190)).mean()
    first = pixels(tmp_path / "first.png")
    assert yellow > 0.05 > ((first[..., 0] > 180) & (first[..., 1] > 150) & (first[..., 2] < 190)).mean()
