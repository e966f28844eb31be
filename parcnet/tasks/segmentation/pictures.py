"""Pictures of segmentations."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from parcnet.base.spacing import evenly_spaced
from parcnet.checkpoint import Metadata
from parcnet.data import BadImage, LabelledImages, Preprocessing
from parcnet.tasks.predictor import Predictor
from parcnet.tasks.segmentation.data import SegmentationEvaluation
from parcnet.tasks.segmentation.prediction import PixelClasses
from parcnet.tasks.segmentation.sliding_inference import InferenceSettings, predict_log_probabilities

_IMAGES = 6


def draw_segmentations(
    pictures: Sequence[tuple[Path, Image.Image, PixelClasses]], classes: Sequence[str], path: Path
) -> None:
    """Draws each image beside its predicted classes into one file."""
    from parcnet.plots.segmentation import SegmentedRow, segmentation_rows  # here: matplotlib is loaded on drawing

    rows = [
        SegmentedRow(file.name, np.asarray(image.convert("RGB")), (predicted.labels,))
        for file, image, predicted in pictures
    ]
    segmentation_rows(rows, ("predicted",), classes, path)


def draw_examples(predictor: Predictor, images: LabelledImages, metadata: Metadata, path: Path) -> bool:
    """Draws a few images of a split with labels and predictions.

    Returns False, without drawing, when no image can be read.
    """
    from parcnet.plots.segmentation import SegmentedRow, segmentation_rows  # as above

    transform = SegmentationEvaluation(Preprocessing.from_dict(metadata.preprocessing))
    settings = InferenceSettings.from_dict(metadata.task_args["looks"])
    rows = []
    for index in evenly_spaced(len(images), _IMAGES):
        try:
            image, labels = images.image(index), images.label(index)
        except BadImage:
            continue  # reported when the split was evaluated
        probabilities = predict_log_probabilities(predictor, transform.image(image), settings, labels.shape)
        predicted = probabilities.argmax(0).cpu().numpy()
        rows.append(SegmentedRow(Path(images.where(index)).stem, np.asarray(image), (labels, predicted)))
    if rows:
        segmentation_rows(rows, ("labelled", "predicted"), metadata.classes, path)
    return bool(rows)
