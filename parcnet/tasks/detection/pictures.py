"""Pictures of detections."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from parcnet.base.spacing import evenly_spaced
from parcnet.checkpoint import Metadata
from parcnet.data import BadImage, LabelledImages
from parcnet.tasks.detection.coco import ImageToTensor, Instances
from parcnet.tasks.detection.prediction import DetectedObjects, detected_objects
from parcnet.tasks.predictor import Predictor

_IMAGES = 4


def draw_detections(pictures: Sequence[tuple[Image.Image, DetectedObjects]], path: Path) -> None:
    """Draws images with their objects into one file."""
    from parcnet.plots import DrawnInstances, draw_instances  # here: matplotlib is loaded when a picture is drawn

    drawn = [
        (np.asarray(image), DrawnInstances(each.boxes, each.masks, each.names, each.scores, each.labels))
        for image, each in pictures
    ]
    draw_instances(drawn, path)


def draw_examples(predictor: Predictor, images: LabelledImages, metadata: Metadata, path: Path) -> bool:
    """Draws a few images of a split with detections. Returns False, without drawing, when no image can be read."""
    pictures = []
    for index in evenly_spaced(len(images), _IMAGES):
        try:
            image = images.image(index)
        except BadImage:
            continue  # reported when the split was evaluated
        pixels, _ = ImageToTensor()(image, Instances())
        pictures.append((image, detected_objects(predictor([pixels])[0], metadata.classes)))
    if pictures:
        draw_detections(pictures, path)
    return bool(pictures)
