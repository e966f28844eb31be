"""Multi-label classification as the rooms above ask for it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.data import LabelledImages, Preprocessing, Split, Splits, Transform
from parcnet.recipes import Recipe
from parcnet.recipes.values import convert
from parcnet.tasks.building import BuiltNetwork
from parcnet.tasks.class_scores import ExplainedNetwork
from parcnet.tasks.classifier_network import build_classifier, classifier_of, classifier_transform
from parcnet.tasks.multilabel.class_scores import MultiLabelClassScores
from parcnet.tasks.multilabel.data import MultiLabelImages, has_labels, open_labels, open_splits
from parcnet.tasks.multilabel.loss import multilabel_loss, multilabel_mixup
from parcnet.tasks.multilabel.metrics import MultiLabelMetrics, evaluate_multilabel
from parcnet.tasks.multilabel.pictures import draw_examples
from parcnet.tasks.multilabel.prediction import LabelPrediction, label_prediction
from parcnet.tasks.multilabel.recipe import MultiLabelSettings
from parcnet.tasks.parity import Outputs, Parity, compare
from parcnet.tasks.predictor import Predictor
from parcnet.tasks.reduction import ONE_PROCESS, Reduction
from parcnet.tasks.scores import Metric, Scores, ScoreTable
from parcnet.tasks.task import Batch, Mixer, Task

_MAP = Metric("map", "mAP")
_F1 = (Metric("micro_f1", "micro F1"), Metric("macro_f1", "macro F1"), Metric("sample_f1", "sample F1"))
_LOSS = Metric("loss", "loss (nats)", percent=False)


class MultiLabelTask(Task):
    """Any number of classes an image; mAP selects the best epoch.

    A checkpoint's task_args: `threshold`, the probability from which a class counts as predicted.
    """

    name = "multilabel"
    metrics = (_MAP, *_F1, _LOSS)
    logged = ("loss", "map", "micro_f1", "macro_f1")
    best = _MAP
    timm_network = True
    parity_images = 16
    predicts = "all labels of your images, with probabilities"

    def open_splits(self, recipe: Recipe) -> Splits:
        return open_splits(recipe.data.data_dir)

    def build(self, recipe: Recipe, classes: Sequence[str]) -> BuiltNetwork:
        settings: MultiLabelSettings = recipe.settings
        return replace(build_classifier(recipe, classes), task_args={"threshold": settings.threshold})

    def train_transform(self, recipe: Recipe, preprocessing: Preprocessing) -> Transform:
        return classifier_transform(recipe, preprocessing)

    def loss(self, recipe: Recipe) -> Callable[[Any, Any], Tensor]:
        return multilabel_loss(recipe.augmentation)

    def mixer(self, recipe: Recipe, classes: int) -> Mixer | None:
        return multilabel_mixup(recipe.augmentation, classes)

    def network(self, metadata: Metadata) -> nn.Module:
        return classifier_of(metadata)

    def check_arguments(self, metadata: Metadata) -> None:
        if metadata.task_args.keys() != {"threshold"}:
            raise UserError(f"task_args hold {', '.join(metadata.task_args) or 'nothing'}; expected a threshold.")
        MultiLabelSettings(convert(metadata.task_args["threshold"], float, "task_args.threshold"))

    def open_images(self, data_dir: str | None, split: Split, metadata: Metadata) -> MultiLabelImages:
        return open_labels(data_dir, split, metadata.classes)

    def has_split(self, data_dir: str | None, split: Split) -> bool:
        return data_dir is not None and has_labels(data_dir, split)

    def eval_transform(self, metadata: Metadata) -> Transform:
        return Preprocessing.from_dict(metadata.preprocessing).transform()

    def evaluate(
        self, predictor: Predictor, batches: Iterable[Batch], metadata: Metadata, reduction: Reduction = ONE_PROCESS
    ) -> MultiLabelMetrics:
        return evaluate_multilabel(predictor, batches, len(metadata.classes), _threshold(metadata), reduction)

    def score_tables(self, scores: MultiLabelMetrics, metadata: Metadata, data: str, split: str) -> list[ScoreTable]:
        rows = [
            (name, str(count), f"{ap:.2%}" if count else "-", f"{f1:.2%}")
            for name, count, ap, f1 in zip(metadata.classes, scores.positives, scores.ap, scores.f1, strict=True)
        ]
        values = [metric.shown(scores.metrics()[metric.name]) for metric in self.metrics]
        columns = ("images", *(metric.title for metric in self.metrics), "images/s")
        totals = (str(scores.count), *values, f"{scores.images_per_second:.0f}")
        return [
            ScoreTable(f"{metadata.model} on {data}, {split}", ("class", "images with it", "AP", "F1"), rows),
            ScoreTable(f"over all classes, F1 at a threshold of {_threshold(metadata):g}", columns, [totals]),
        ]

    def score_values(self, scores: MultiLabelMetrics, metadata: Metadata) -> Mapping[str, Any]:
        by_class = {
            name: dict(zip(metadata.classes, values.tolist(), strict=True))
            for name, values in (("ap", scores.ap), ("f1", scores.f1), ("positives", scores.positives))
        }
        return {"threshold": _threshold(metadata), **by_class}

    def warnings(self, scores: MultiLabelMetrics, metadata: Metadata, split: str) -> list[str]:
        absent, total = int((scores.positives == 0).sum()), len(metadata.classes)
        return [f"{absent} of {total} classes have no positive in {split}: mAP counts each as 0"] if absent else []

    def draw_run(
        self,
        predictor: Predictor,
        images: LabelledImages,
        metadata: Metadata,
        scores: Scores,  # noqa: ARG002 - there is no confusion matrix
        folder: Path,
    ) -> list[Path]:
        path = folder / "predictions.png"
        return [path] if draw_examples(predictor, images, metadata, path) else []

    def predict(self, predictor: Predictor, image: Image.Image, metadata: Metadata, top: int) -> LabelPrediction:
        logits = predictor(self.eval_transform(metadata)(image)[None])
        return label_prediction(logits[0], metadata.classes, _threshold(metadata), top)

    def compare_outputs(
        self,
        expected: Outputs,
        exported: Outputs,
        images: Tensor,
        batch: int,
        logits: bool,  # noqa: ARG002 - the likeliest of several right classes may change within rounding
    ) -> Parity:
        return compare(expected, exported, images, batch, logits=False)

    def explained(self, network: nn.Module, metadata: Metadata) -> ExplainedNetwork:  # noqa: ARG002 - needs no more
        return ExplainedNetwork(network, MultiLabelClassScores(network).eval())


def _threshold(metadata: Metadata) -> float:
    threshold: float = metadata.task_args["threshold"]
    return threshold


TASK = MultiLabelTask()
