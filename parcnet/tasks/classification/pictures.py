"""The pictures a run leaves behind."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from parcnet.data import BadImage, ImageDataset, Preprocessing
from parcnet.evaluation import Predictor
from parcnet.plots import prediction_grid
from parcnet.tasks import top_k

_IMAGES = 18
_LARGEST_SIDE = 256  # pixels; photographs are drawn small


def draw_predictions(
    predictor: Predictor, preprocessing: Preprocessing, images: ImageDataset, classes: Sequence[str], path: Path
) -> bool:
    """Draws images spread evenly over a split, so of many classes, with the predicted name and its probability.

    Returns whether any could be read, and so was drawn.
    """
    transform = preprocessing.transform()
    shown, titles, correct = [], [], []
    for index in np.unique(np.linspace(0, len(images) - 1, _IMAGES).round().astype(int)).tolist():
        try:
            image = images.image(index)
        except BadImage:
            continue  # was named when the split was evaluated
        name, probability = top_k(predictor(transform(image)[None]), classes, 1)[0][0]
        small = image.convert("RGB")
        small.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
        shown.append(np.asarray(small))
        titles.append(f"{name} ({probability:.0%})")
        correct.append(name == classes[images.label(index)])
    if shown:
        prediction_grid(shown, titles, correct, path)
    return bool(shown)
