import numpy as np
import pytest
from PIL import Image

from parcnet.plots import confusion, prediction_grid, training_curves
from parcnet.plots.confusion import most_confused
from parcnet.plots.figure import short


def ink(path):
    """Share of pixels that are not white: a picture with nothing on it has none."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L"))
    return float((pixels < 250).mean())


@pytest.mark.parametrize("epochs", [1, 2, 300])
def test_curves_draw_from_one_epoch_to_many(epochs, tmp_path):
    log = [
        {"epoch": n + 1, "train_loss": 1 / (n + 1), "val_loss": 0.5, "val_top1": 0.9, "lr": 1e-3} for n in range(epochs)
    ]
    training_curves(log, tmp_path / "curve.png")
    assert ink(tmp_path / "curve.png") > 0.005


@pytest.mark.parametrize("classes", [2, 10, 30, 31, 1000])
def test_confusion_stays_a_readable_size_for_any_number_of_classes(classes, tmp_path):
    matrix = np.diag(np.full(classes, 5))
    matrix[0, 1] = 3
    confusion(matrix, [f"class {n}" for n in range(classes)], tmp_path / "confusion.png")
    assert ink(tmp_path / "confusion.png") > 0.01
    with Image.open(tmp_path / "confusion.png") as image:
        assert max(image.size) < 2000


@pytest.mark.parametrize("classes", [3, 40])
def test_confusion_of_a_perfect_and_of_an_empty_result(classes, tmp_path):
    for count in (0, 4):
        confusion(np.diag(np.full(classes, count)), list(map(str, range(classes))), tmp_path / "confusion.png")
        assert ink(tmp_path / "confusion.png") > 0.001


def test_class_names_are_text_not_mathematics(tmp_path):
    names = ["$\\frac{$", "猫", "a_b^{c}", "x" * 300]
    confusion(np.eye(4, dtype=int), names, tmp_path / "confusion.png")
    prediction_grid([np.zeros((8, 8), np.uint8)] * 4, names, [True, False, True, False], tmp_path / "grid.png")
    assert ink(tmp_path / "grid.png") > 0.01


def test_most_confused_pairs_come_first_and_right_ones_never():
    matrix = np.array([[9, 1, 0], [4, 9, 0], [0, 2, 9]])
    assert most_confused(matrix, 2) == [(1, 0, 4), (2, 1, 2)]
    assert most_confused(matrix, 99) == [(1, 0, 4), (2, 1, 2), (0, 1, 1)]


@pytest.mark.parametrize("count", [1, 6, 7, 13])
def test_prediction_grid_shows_every_image(count, tmp_path):
    images = [np.full((20, 30, 3), 40, np.uint8)] * count
    prediction_grid(images, ["3 (98 %)"] * count, [True] * count, tmp_path / "grid.png")
    prediction_grid(images, ["3 (98 %)"] * count, [False] * count, tmp_path / "wrong.png")
    assert ink(tmp_path / "grid.png") > 0.1
    assert (tmp_path / "grid.png").read_bytes() != (tmp_path / "wrong.png").read_bytes()


@pytest.mark.parametrize(("images", "titles"), [(0, 0), (2, 1)])
def test_prediction_grid_wants_a_title_for_each_image(images, titles, tmp_path):
    with pytest.raises(ValueError, match="expected equally many"):
        prediction_grid([np.zeros((2, 2), np.uint8)] * images, ["a"] * titles, [True] * images, tmp_path / "grid.png")


@pytest.mark.parametrize("length", [1, 24, 25, 200])
def test_long_names_lose_their_middle(length):
    name = "".join(chr(97 + n % 26) for n in range(length))
    assert len(short(name)) == min(length, 24)
    assert short(name)[0] == name[0]
    assert short(name)[-1] == name[-1]
