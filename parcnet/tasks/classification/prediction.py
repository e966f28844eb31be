"""What a predictor says about image files, one after the other; an unreadable one does not stop the rest."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parcnet.data import BadImage, Preprocessing, open_image
from parcnet.tasks.predictor import Predictor
from parcnet.tasks import top_k


@dataclass(frozen=True, slots=True)
class Prediction:
    """The likeliest classes of one image."""

    path: Path
    top: list[tuple[str, float]]
    """(class, probability), the likeliest first."""

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"image": str(self.path), "top": [{"class": name, "probability": share} for name, share in self.top]}


@dataclass(frozen=True, slots=True)
class Failure:
    """An image that could not be read."""

    path: Path
    reason: str
    """A sentence that names the file."""

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"image": str(self.path), "error": self.reason}


def predict(
    predictor: Predictor,
    preprocessing: Preprocessing,
    classes: Sequence[str],
    paths: Iterable[str | Path],
    k: int = 5,
) -> Iterator[Prediction | Failure]:
    """Predicts each image file on its own, in order: k classes with probabilities, or why it failed."""
    transform = preprocessing.transform()
    for path in map(Path, paths):
        try:
            image = open_image(path, channels=preprocessing.channels)
        except BadImage as error:
            yield Failure(path, str(error))
            continue
        logits = predictor(transform(image)[None])
        yield Prediction(path, top_k(logits, classes, k)[0])
