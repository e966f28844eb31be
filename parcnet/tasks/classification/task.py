"""Classification: one class an image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from parcnet.data import ImageDataset, LabelledImages, Preprocessing, Transform, mixup, train_transform
from parcnet.evaluation import Predictor, Result, evaluate
from parcnet.plots import confusion
from parcnet.tasks import training_loss
from parcnet.tasks.building import Built, build_network
from parcnet.tasks.classification.pictures import draw_predictions
from parcnet.training.distributed.process_group import Ranks
from parcnet.data.splits import Splits, open_splits
from parcnet.training.loop.step import Batch, Mixer
from parcnet.tasks.task import Metric, Scores, Task

if TYPE_CHECKING:
    from parcnet.training.setup.prepare import Job

_TOP1 = Metric("top1", "top-1")


class Classification(Task):
    """Top-1 chooses the best epoch."""

    name = "classification"
    metrics = (_TOP1, Metric("top5", "top-5"), Metric("loss", "loss (nats)", percent=False))
    logged = ("loss", "top1")
    chosen = _TOP1
    predicts = "names and probabilities for your images"

    def open_splits(self) -> Splits:
        return open_splits(self.recipe.data.data_dir)

    def build(self, classes: Sequence[str]) -> Built:
        return build_network(self.recipe, classes)

    def transform(self, preprocessing: Preprocessing, training: bool) -> Transform:
        """In multi-scale training images have the largest side; see `sizes`."""
        if not training:
            return preprocessing.transform()
        if self.recipe.data.train_sizes is not None:
            side = self.recipe.data.train_sizes[1]
            preprocessing = replace(preprocessing, size=(side, side))
        return train_transform(preprocessing, self.recipe.augmentation, self.recipe.data.train_interpolation)

    def loss(self) -> Callable[[Any, Any], Tensor]:
        return training_loss(self.recipe.augmentation)

    def mixer(self, classes: int) -> Mixer | None:
        return mixup(self.recipe.augmentation, classes)

    def evaluate(self, predictor: Predictor, batches: Iterable[Batch], classes: int, ranks: Ranks) -> Result:
        return evaluate(predictor, batches, classes, ranks.total)

    def draw(self, predictor: Predictor, job: Job, shown: LabelledImages, scores: Scores) -> list[Path]:
        """A few images with predicted names, and which classes are taken for which."""
        assert isinstance(scores, Result)
        images: ImageDataset = shown
        pictures = []
        if draw_predictions(predictor, job.built.preprocessing, images, job.classes, job.folder.predictions):
            pictures.append(job.folder.predictions)
        if scores.confusion is not None:
            confusion(scores.confusion, job.classes, job.folder.confusion)
            pictures.append(job.folder.confusion)
        return pictures
