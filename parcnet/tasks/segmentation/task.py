"""Semantic segmentation as a `Task`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.data import JointTransform, LabelledImages, Preprocessing, Split, Splits, collate_lists
from parcnet.recipes import Recipe
from parcnet.tasks.building import BuiltNetwork, build_recipe_backbone, colour_statistics
from parcnet.tasks.class_scores import ExplainedNetwork
from parcnet.tasks.exported_file import ExportedFile, for_file
from parcnet.tasks.predictor import Predictor
from parcnet.tasks.reduction import ONE_PROCESS, Reduction
from parcnet.tasks.scores import Metric, Scores, ScoreTable
from parcnet.tasks.segmentation.arguments import check_segmenter_arguments
from parcnet.tasks.segmentation.class_scores import SegmenterClassScores
from parcnet.tasks.segmentation.data import (
    LabelMaps,
    SegmentationEvaluation,
    SegmentationTraining,
    check_labels,
    has_label_maps,
    open_label_maps,
)
from parcnet.tasks.segmentation.file_inference import padded_predictor, settings_for_file
from parcnet.tasks.segmentation.loss import SegmentationLoss
from parcnet.tasks.segmentation.metrics import SegmentationMetrics, evaluate_segmentation
from parcnet.tasks.segmentation.pictures import draw_examples, draw_segmentations
from parcnet.tasks.segmentation.prediction import PixelClasses, pixel_classes
from parcnet.tasks.segmentation.recipe import SegmentationSettings
from parcnet.tasks.segmentation.sliding_inference import SCALES, InferenceSettings, predict_log_probabilities
from parcnet.tasks.segmentation.upernet import segmenter, segmenter_of
from parcnet.tasks.starting_weights import start_from
from parcnet.tasks.task import Batch, Task

_MIOU = Metric("miou", "mIoU")


class SegmentationTask(Task):
    """One class per pixel; mean IoU selects the best epoch.

    task_args of a checkpoint: `decoder`, the arguments of `segmenter`; `looks`, those of `InferenceSettings`; and
    `reduce_zero_label`.
    """

    name = "segmentation"
    metrics = (_MIOU, Metric("macc", "mAcc"), Metric("aacc", "aAcc"), Metric("loss", "loss (nats)", percent=False))
    logged = ("loss", "miou", "macc", "aacc")
    best = _MIOU
    sync_norm = True
    predicts = "the segmentation of your images, coloured by class"
    predict_flags = " --save predicted.png"

    def open_splits(self, recipe: Recipe) -> Splits:
        folder, reduce = recipe.data.data_dir, _settings(recipe).reduce_zero_label
        train, val = (open_label_maps(folder, split, reduce) for split in ("train", "val"))
        for maps, split in ((train, "train"), (val, "val")):
            check_labels(maps, split)
        return Splits(train, val, open_label_maps(folder, "test", reduce) if has_label_maps(folder, "test") else None)

    def build(self, recipe: Recipe, classes: Sequence[str]) -> BuiltNetwork:
        settings = _settings(recipe)
        backbone, model_args = build_recipe_backbone(recipe)
        decoder: dict[str, Any] = {
            "channels": settings.decoder_channels,
            "auxiliary_channels": settings.auxiliary_channels if settings.auxiliary_weight else None,
            "dropout": settings.decoder_dropout,
        }
        network = segmenter(backbone, len(classes), **decoder)
        report = start_from(network, backbone, recipe)
        mean, std = colour_statistics(backbone.net, recipe)
        task_args = {
            "decoder": decoder,
            "looks": {
                "resize_to": settings.resize_to,
                "inference": settings.inference,
                "window": settings.crop_size,
                "stride": settings.stride,
            },
            "reduce_zero_label": settings.reduce_zero_label,
        }
        preprocessing = Preprocessing(settings.crop_size, mean, std, "bilinear", 1.0)
        return BuiltNetwork(network, model_args, preprocessing, task_args, () if report is None else (str(report),))

    def train_transform(self, recipe: Recipe, preprocessing: Preprocessing) -> JointTransform:
        return SegmentationTraining(preprocessing, _settings(recipe), recipe.augmentation.hflip)

    def loss(self, recipe: Recipe) -> Callable[[Any, Any], Tensor]:
        return SegmentationLoss(_settings(recipe).auxiliary_weight)

    def check_batch(self, micro_batch: int, world: int, device: str) -> None:
        """Pyramid pooling has a BatchNorm over one value per image and channel, which needs two images."""
        if micro_batch * (world if device == "cuda" else 1) < 2:
            raise UserError(
                "segmentation trains on at least two images at a time, for the BatchNorm in pyramid pooling: use a "
                "larger --batch-size or --micro-batch."
            )

    def check_arguments(self, metadata: Metadata) -> None:
        check_segmenter_arguments(metadata.task_args)

    def network(self, metadata: Metadata) -> nn.Module:
        return segmenter_of(metadata)

    def open_images(self, data_dir: str | None, split: Split, metadata: Metadata) -> LabelMaps:
        if data_dir is None:
            raise UserError("segmentation has no embedded images: name the images to use with --data-dir DIR.")
        return open_label_maps(data_dir, split, metadata.task_args["reduce_zero_label"], metadata.classes)

    def has_split(self, data_dir: str | None, split: Split) -> bool:
        return data_dir is not None and has_label_maps(data_dir, split)

    def eval_transform(self, metadata: Metadata) -> SegmentationEvaluation:
        return SegmentationEvaluation(Preprocessing.from_dict(metadata.preprocessing))

    def eval_collate(self) -> Callable[..., Any]:
        return collate_lists

    def evaluate(
        self, predictor: Predictor, batches: Iterable[Batch], metadata: Metadata, reduction: Reduction = ONE_PROCESS
    ) -> SegmentationMetrics:
        return evaluate_segmentation(predictor, batches, len(metadata.classes), _inference(metadata), reduction)

    def multi_scale(self, metadata: Metadata) -> Metadata:
        inference = {**metadata.task_args["looks"], "scales": SCALES, "flip": True}
        return replace(metadata, task_args={**metadata.task_args, "looks": inference})

    def score_tables(self, scores: SegmentationMetrics, metadata: Metadata, data: str, split: str) -> list[ScoreTable]:
        title = f"{metadata.model} with UperNet on {data}, {split}, {_scales(metadata)}"
        rows = [(name, "-" if each is None else f"{each:.2%}") for name, each in _iou(scores, metadata).items()]
        values = [f"{value:.2%}" for value in (scores.miou, scores.macc, scores.aacc)]
        columns = ("images", "mIoU", "mAcc", "aAcc", "loss (nats)", "images/s")
        rest = (f"{scores.loss:.4f}", f"{scores.images_per_second:.1f}")
        return [
            ScoreTable(title, ("class", "IoU"), rows),
            ScoreTable("all classes", columns, [(str(scores.count), *values, *rest)]),
        ]

    def score_values(self, scores: SegmentationMetrics, metadata: Metadata) -> Mapping[str, Any]:
        return {"scales": _scales(metadata), "iou": _iou(scores, metadata)}

    def warnings(self, scores: SegmentationMetrics, metadata: Metadata, split: str) -> list[str]:
        absent = int((scores.confusion.sum(1) == 0).sum())
        total = len(metadata.classes)
        return [f"{absent} of the checkpoint's {total} classes have no pixels in {split}/"] if absent else []

    def draw_run(
        self,
        predictor: Predictor,
        images: LabelledImages,
        metadata: Metadata,
        scores: Scores,  # noqa: ARG002 - a confusion matrix of hundreds of classes is unreadable
        folder: Path,
    ) -> list[Path]:
        path = folder / "predictions.png"
        return [path] if draw_examples(predictor, images, metadata, path) else []

    def predict(self, predictor: Predictor, image: Image.Image, metadata: Metadata, top: int) -> PixelClasses:
        pixels = self.eval_transform(metadata).image(image)
        probabilities = predict_log_probabilities(predictor, pixels, _inference(metadata), image.size[::-1])
        return pixel_classes(probabilities, metadata.classes, top)

    def draw_predictions(
        self, drawn: Sequence[tuple[Path, Image.Image, PixelClasses]], metadata: Metadata, path: Path
    ) -> None:
        draw_segmentations(drawn, metadata.classes, path)

    def file_predictor(self, file: ExportedFile, metadata: Metadata) -> tuple[Predictor, Metadata]:
        settings = settings_for_file(_inference(metadata), file.size)
        inference = {**metadata.task_args["looks"], "window": settings.window, "stride": settings.stride}
        task_args = {**metadata.task_args, "looks": {**inference, "box": settings.box}}
        return padded_predictor(file, metadata), replace(for_file(metadata, file), task_args=task_args)

    def output_names(self, outputs: Sequence[Tensor]) -> tuple[str, ...]:
        return ("logits",) if len(outputs) == 1 else super().output_names(outputs)

    def explained(self, network: nn.Module, metadata: Metadata) -> ExplainedNetwork:  # noqa: ARG002 - the network suffices
        return ExplainedNetwork(network.get_submodule("backbone.net"), SegmenterClassScores(network).eval())


def _settings(recipe: Recipe) -> SegmentationSettings:
    settings: SegmentationSettings = recipe.settings
    return settings


def _inference(metadata: Metadata) -> InferenceSettings:
    return InferenceSettings.from_dict(metadata.task_args["looks"])


def _scales(metadata: Metadata) -> str:
    return "multi-scale with flip" if _inference(metadata).flip else "single scale"


def _iou(scores: SegmentationMetrics, metadata: Metadata) -> dict[str, float | None]:
    """Class -> IoU; None for a class that neither occurs nor is predicted."""
    pairs = zip(metadata.classes, scores.iou, strict=True)
    return {name: None if value != value else float(value) for name, value in pairs}


TASK = SegmentationTask()
