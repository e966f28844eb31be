"""The picture of example predictions in a run folder."""

from pathlib import Path

import numpy as np

from parcnet.base.spacing import evenly_spaced
from parcnet.checkpoint import Metadata
from parcnet.data import BadImage, LabelledImages, Preprocessing
from parcnet.tasks.classification.prediction import top_k
from parcnet.tasks.predictor import Predictor

_IMAGES = 18
_LARGEST_SIDE = 256  # px; photographs are drawn small


def draw_examples(predictor: Predictor, images: LabelledImages, metadata: Metadata, path: Path) -> bool:
    """Draws images evenly spaced over a split, and so over its classes, with predicted class and probability.

    Returns False, without drawing, when no image can be read.
    """
    from parcnet.plots import prediction_grid  # here: matplotlib is loaded when a picture is drawn

    transform = Preprocessing.from_dict(metadata.preprocessing).transform()
    pictures, titles, correct = [], [], []
    for index in evenly_spaced(len(images), _IMAGES):
        try:
            image = images.image(index)
        except BadImage:
            continue  # reported when the split was evaluated
        name, probability = top_k(predictor(transform(image)[None]), metadata.classes, 1)[0][0]
        small = image.convert("RGB")
        small.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
        pictures.append(np.asarray(small))
        titles.append(f"{name} ({probability:.0%})")
        correct.append(name == metadata.classes[images.label(index)])
    if pictures:
        prediction_grid(pictures, titles, correct, path)
    return bool(pictures)
