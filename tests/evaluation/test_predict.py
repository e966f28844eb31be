import numpy as np
import pytest
import torch
from PIL import Image

from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing
from parcnet.evaluation import PredictedImage, UnreadableImage, predict
from parcnet.tasks.lookup import task_named

TASK = task_named("classification")


def metadata(channels=3):
    preprocessing = Preprocessing((8, 8), (0.5,) * channels, (0.5,) * channels).to_dict()
    return Metadata("any", {}, ("night", "day"), preprocessing, "levels")


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
    bright, broken, missing, dark = predict(TASK, brighter_than_grey, metadata(), paths)
    assert isinstance(bright, PredictedImage)
    assert isinstance(dark, PredictedImage)
    assert (bright.prediction.top[0][0], dark.prediction.top[0][0]) == ("day", "night")
    for failure, name in ((broken, "broken.png"), (missing, "missing.png")):
        assert isinstance(failure, UnreadableImage)
        assert name in failure.reason


def test_a_one_channel_network_reads_colour_images_as_grey(files):
    (result,) = predict(TASK, brighter_than_grey, metadata(channels=1), [files / "bright.png"], top=1)
    assert isinstance(result, PredictedImage)
    assert [name for name, _ in result.prediction.top] == ["day"]
