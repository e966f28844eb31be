import numpy as np
import pytest
from PIL import Image

from parcnet.plots.segmentation import SegmentedRow, colours, overlaid, segmentation_rows


@pytest.mark.parametrize("count", [2, 8, 21, 150])
def test_every_class_has_a_colour_of_its_own_whatever_the_number_of_classes(count):
    palette = colours(count)
    assert palette.shape == (count, 3)
    assert len(np.unique(palette, axis=0)) == count
    assert np.array_equal(palette, colours(255)[:count])


def test_pixels_are_coloured_by_class_and_ignored_ones_stay_as_they_are():
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    labels = np.zeros((4, 6), np.uint8)
    labels[0], labels[1] = 1, 255
    shown = overlaid(image, labels, colours(2))
    assert np.array_equal(shown[1], image[1])
    tint = shown[0].astype(int) - shown[2:].mean((0, 1))
    assert tint[:, 0].mean() > tint[:, 2].mean()  # orange against blue


def test_names_with_dollar_signs_and_images_of_many_sizes_are_drawn(tmp_path):
    rows = [
        SegmentedRow("a_$1$", np.full((20, 30, 3), 90, np.uint8), (np.ones((20, 30), int),)),
        SegmentedRow("tall", np.full((60, 10, 3), 90, np.uint8), (np.full((60, 10), 255),)),
    ]
    segmentation_rows(rows, ("predicted",), ("$x$", "b"), tmp_path / "rows.png")
    with Image.open(tmp_path / "rows.png") as picture:
        assert min(picture.size) > 200
