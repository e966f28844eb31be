import numpy as np
import pytest
import torch
from PIL import Image

from parcnet.data import Preprocessing
from parcnet.evaluation import Failure, Prediction, predict

PREPROCESSING = Preprocessing((8, 8), (0.5,) * 3, (0.5,) * 3)


def brighter_than_grey(images):
    level = images.mean(dim=(1, 2, 3))
    return torch.stack([-level, level], dim=1)


@pytest.fixture
def files(tmp_path):
    for name, level in (("dark", 10), ("bright", 240)):
        Image.fromarray(np.full((20, 30, 3), level, np.uint8)).save(tmp_path / f"{name}.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG but no more")
    return tmp_path


def test_predictions_come_in_order_and_an_unreadable_image_does_not_stop_them(files):
    paths = [files / name for name in ("bright.png", "broken.png", "missing.png", "dark.png")]
    bright, broken, missing, dark = predict(brighter_than_grey, PREPROCESSING, ("night", "day"), paths)
    assert isinstance(bright, Prediction)
    assert isinstance(dark, Prediction)
    assert (bright.top[0][0], dark.top[0][0]) == ("day", "night")
    for failure, name in ((broken, "broken.png"), (missing, "missing.png")):
        assert isinstance(failure, Failure)
        assert name in failure.reason


def test_a_one_channel_network_reads_colour_images_as_grey(files):
    grey = Preprocessing((8, 8), (0.5,), (0.5,))
    (prediction,) = predict(brighter_than_grey, grey, ("night", "day"), [files / "bright.png"], k=1)
    assert isinstance(prediction, Prediction)
    assert [name for name, _ in prediction.top] == ["day"]
