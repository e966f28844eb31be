"""Predictions for image files, one at a time; unreadable files are reported and skipped."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from parcnet.checkpoint import Metadata
from parcnet.data import BadImage, Preprocessing, open_image
from parcnet.tasks.prediction import Prediction
from parcnet.tasks.predictor import Predictor
from parcnet.tasks.task import Task


@dataclass(frozen=True, slots=True)
class PredictedImage:
    """The prediction for one image file."""

    path: Path
    image: Image.Image
    prediction: Prediction

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"image": str(self.path), **self.prediction.to_dict()}


@dataclass(frozen=True, slots=True)
class UnreadableImage:
    """An image file that could not be read."""

    path: Path
    reason: str
    """A sentence that names the file."""

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"image": str(self.path), "error": self.reason}


def predict(
    task: Task, predictor: Predictor, metadata: Metadata, paths: Iterable[str | Path], top: int = 5
) -> Iterator[PredictedImage | UnreadableImage]:
    """Yields, for each file in order, the prediction with its `top` likeliest classes, or why it could not be read."""
    channels = Preprocessing.from_dict(metadata.preprocessing).channels
    for path in map(Path, paths):
        try:
            image = open_image(path, channels=channels)
        except BadImage as error:
            yield UnreadableImage(path, str(error))
            continue
        yield PredictedImage(path, image, task.predict(predictor, image, metadata, top))
