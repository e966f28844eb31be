"""The picture of predictions that a run leaves."""

import textwrap
from collections.abc import Collection
from pathlib import Path

import numpy as np

from parcnet.base.spacing import evenly_spaced
from parcnet.checkpoint import Metadata
from parcnet.data import BadImage, LabelledImages, Preprocessing
from parcnet.tasks.multilabel.prediction import label_prediction
from parcnet.tasks.predictor import Predictor

_IMAGES = 18
_LARGEST_SIDE = 256  # pixels; photographs are drawn small
_LINE = 30  # characters above an image


def draw_examples(predictor: Predictor, images: LabelledImages, metadata: Metadata, path: Path) -> bool:
    """Draws images spread evenly over a split with their predicted labels, and the true ones where these differ.

    Returns whether any could be read, and so was drawn.
    """
    from parcnet.plots import prediction_grid  # here: matplotlib is loaded when a picture is drawn

    transform = Preprocessing.from_dict(metadata.preprocessing).transform()
    pictures, titles, correct = [], [], []
    for index in evenly_spaced(len(images), _IMAGES):
        try:
            image = images.image(index)
        except BadImage:
            continue  # was named when the split was evaluated
        logits = predictor(transform(image)[None])[0]
        found = label_prediction(logits, metadata.classes, metadata.task_args["threshold"], 1)
        predicted = {name for name, _ in found.labels}
        true = {name for name, target in zip(metadata.classes, images.label(index), strict=True) if target}
        small = image.convert("RGB")
        small.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
        pictures.append(np.asarray(small))
        titles.append(_listed(predicted) if predicted == true else f"{_listed(predicted)}\nis: {_listed(true)}")
        correct.append(predicted == true)
    if pictures:
        prediction_grid(pictures, titles, correct, path)
    return bool(pictures)


def _listed(names: Collection[str]) -> str:
    return textwrap.shorten(", ".join(sorted(names)) or "no label", _LINE, placeholder=" ...")
