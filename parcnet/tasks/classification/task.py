"""Classification as a `Task`."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.data import (
    ImageDataset,
    LabelledImages,
    Preprocessing,
    Split,
    Splits,
    Transform,
    has_split,
    mixup,
    open_dataset,
)
from parcnet.recipes import Recipe
from parcnet.tasks.building import BuiltNetwork
from parcnet.tasks.class_scores import ExplainedNetwork
from parcnet.tasks.classification.data import open_splits
from parcnet.tasks.classification.loss import classification_loss
from parcnet.tasks.classification.metrics import ClassificationMetrics, evaluate_classification
from parcnet.tasks.classification.pictures import draw_examples
from parcnet.tasks.classification.prediction import ClassPrediction, top_k
from parcnet.tasks.classifier_network import build_classifier, classifier_of, classifier_transform
from parcnet.tasks.predictor import Predictor
from parcnet.tasks.reduction import ONE_PROCESS, Reduction
from parcnet.tasks.scores import Metric, Scores, ScoreTable
from parcnet.tasks.task import Batch, Mixer, Task

_TOP1 = Metric("top1", "top-1")


class ClassificationTask(Task):
    """One class per image; top-1 accuracy selects the best epoch."""

    name = "classification"
    metrics = (_TOP1, Metric("top5", "top-5"), Metric("loss", "loss (nats)", percent=False))
    logged = ("loss", "top1")
    best = _TOP1
    single_label = True
    timm_network = True
    parity_images = 16
    predicts = "names and probabilities for your images"

    def open_splits(self, recipe: Recipe) -> Splits:
        return open_splits(recipe.data.data_dir)

    def build(self, recipe: Recipe, classes: Sequence[str]) -> BuiltNetwork:
        return build_classifier(recipe, classes)

    def train_transform(self, recipe: Recipe, preprocessing: Preprocessing) -> Transform:
        return classifier_transform(recipe, preprocessing)

    def loss(self, recipe: Recipe) -> Callable[[Any, Any], Tensor]:
        return classification_loss(recipe.augmentation)

    def mixer(self, recipe: Recipe, classes: int) -> Mixer | None:
        return mixup(recipe.augmentation, classes)

    def network(self, metadata: Metadata) -> nn.Module:
        return classifier_of(metadata)

    def open_images(self, data_dir: str | None, split: Split, metadata: Metadata) -> ImageDataset:
        if data_dir is None and metadata.data != "digits":
            raise UserError(
                f"the network was trained on {metadata.data!r}: name the images to use with --data-dir DIR."
            )
        return open_dataset(data_dir, split, metadata.classes)

    def has_split(self, data_dir: str | None, split: Split) -> bool:
        return has_split(data_dir, split)

    def eval_transform(self, metadata: Metadata) -> Transform:
        return Preprocessing.from_dict(metadata.preprocessing).transform()

    def evaluate(
        self, predictor: Predictor, batches: Iterable[Batch], metadata: Metadata, reduction: Reduction = ONE_PROCESS
    ) -> ClassificationMetrics:
        return evaluate_classification(predictor, batches, len(metadata.classes), reduction)

    def score_tables(
        self, scores: ClassificationMetrics, metadata: Metadata, data: str, split: str
    ) -> list[ScoreTable]:
        columns = ("split", "images", "top-1", "top-5", "loss (nats)", "images/s")
        values = (f"{scores.top1:.2%}", f"{scores.top5:.2%}", f"{scores.loss:.4f}", f"{scores.images_per_second:.0f}")
        return [ScoreTable(f"{metadata.model} on {data}", columns, [(split, str(scores.count), *values)])]

    def warnings(self, scores: ClassificationMetrics, metadata: Metadata, split: str) -> list[str]:
        absent = int((scores.support == 0).sum())
        total = len(metadata.classes)
        return [f"{absent} of the checkpoint's {total} classes have no images in {split}/"] if absent else []

    def draw_run(
        self, predictor: Predictor, images: LabelledImages, metadata: Metadata, scores: Scores, folder: Path
    ) -> list[Path]:
        """Draws example predictions and the confusion matrix."""
        from parcnet.plots import confusion  # here: matplotlib is loaded when a picture is drawn

        pictures = []
        if draw_examples(predictor, images, metadata, examples := folder / "predictions.png"):
            pictures.append(examples)
        if scores.confusion is not None:
            confusion(scores.confusion, metadata.classes, matrix := folder / "confusion.png")
            pictures.append(matrix)
        return pictures

    def predict(self, predictor: Predictor, image: Image.Image, metadata: Metadata, top: int) -> ClassPrediction:
        logits = predictor(self.eval_transform(metadata)(image)[None])
        return ClassPrediction(top_k(logits, metadata.classes, top)[0])

    def explained(self, network: nn.Module, metadata: Metadata) -> ExplainedNetwork:  # noqa: ARG002 - the network suffices
        return ExplainedNetwork(network)


TASK = ClassificationTask()
