"""Detection and instance segmentation as a `Task`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.data import JointTransform, LabelledImages, Preprocessing, Split, Splits, collate_lists
from parcnet.recipes import Recipe
from parcnet.tasks.building import BuiltNetwork, build_recipe_backbone, colour_statistics
from parcnet.tasks.class_scores import ExplainedNetwork
from parcnet.tasks.detection.arguments import ARGUMENTS, check_detector_arguments
from parcnet.tasks.detection.building import build_detector, detector_of
from parcnet.tasks.detection.class_scores import DetectorClassScores
from parcnet.tasks.detection.coco import (
    CocoImages,
    DetectionAugmentation,
    ImageToTensor,
    Instances,
    has_coco_split,
    open_coco,
)
from parcnet.tasks.detection.file_inference import detect_with_file
from parcnet.tasks.detection.fixed_shapes import OUTPUTS, FixedShapeDetector, SingleImageDetector, check_request
from parcnet.tasks.detection.metrics import DetectionMetrics, evaluate_detection
from parcnet.tasks.detection.object_parity import compare_objects
from parcnet.tasks.detection.pictures import draw_detections, draw_examples
from parcnet.tasks.detection.prediction import DetectedObjects, detected_objects
from parcnet.tasks.detection.recipe import DetectionSettings
from parcnet.tasks.exported_file import ExportedFile, ExportRequest
from parcnet.tasks.parity import Outputs, Parity
from parcnet.tasks.predictor import Predictor
from parcnet.tasks.reduction import ONE_PROCESS, Reduction
from parcnet.tasks.scores import Metric, Scores, ScoreTable
from parcnet.tasks.starting_weights import start_from
from parcnet.tasks.task import Batch, Task

_SHORT_SIDE_STEP = 32
"""Step between the shorter sides of training images, px."""
_STRIDE = 32
"""Detectors pad images to multiples of this, px."""

_BOX_AP = Metric("box_ap", "box AP")


class DetectionTask(Task):
    """Boxes, classes and masks of objects; box AP over IoU .5 to .95 selects the best epoch.

    The loss is a mean over sampled regions, whose number per image is fixed. Gradients accumulated over micro-batches
    are therefore those of the whole batch, except for images with too few regions and for the mask loss, which is a
    mean over positive regions.
    """

    name = "detection"
    metrics = (_BOX_AP, Metric("mask_ap", "mask AP"), Metric("box_ap50", "box AP50"), Metric("mask_ap50", "mask AP50"))
    logged = ("box_ap", "mask_ap")
    best = _BOX_AP
    takes_targets = True
    sync_norm = True
    eval_batch = 4  # images of up to 800 x 1333 px
    predicts = "boxes, classes and masks of the objects in your images"
    predict_flags = " --save predicted.png"

    def open_splits(self, recipe: Recipe) -> Splits:
        folder, settings = recipe.data.data_dir, _settings(recipe)
        if folder is None:
            raise UserError(
                "detection has no embedded images: use --data-dir DIR with COCO annotations. `make demo-detection` "
                "creates such a folder."
            )
        group = recipe.data.batch_size if settings.group_by_aspect else 1
        bad = settings.max_bad_annotations
        train = open_coco(folder, "train", skip_empty=not settings.empty_images, group=group, max_bad=bad)
        val = open_coco(folder, "val", train.classes, max_bad=bad)
        test = open_coco(folder, "test", train.classes, max_bad=bad) if has_coco_split(folder, "test") else None
        return Splits(train, val, test)

    def build(self, recipe: Recipe, classes: Sequence[str]) -> BuiltNetwork:
        settings = _settings(recipe)
        if recipe.network.in_chans != 3:
            raise UserError(f"in_chans is {recipe.network.in_chans}; detection needs colour images: leave it out.")
        backbone, model_args = build_recipe_backbone(recipe)
        mean, std = colour_statistics(backbone.net, recipe)
        values = {name: value for name, value in asdict(settings).items() if name in ARGUMENTS}
        task_args = {**values, "mean": mean, "std": std}
        network = build_detector(backbone=backbone, num_classes=len(classes), **task_args)
        report = start_from(network, backbone, recipe)
        preprocessing = Preprocessing((settings.short_side, settings.long_side), mean, std, "bilinear", 1.0)
        return BuiltNetwork(network, model_args, preprocessing, task_args, () if report is None else (str(report),))

    def train_transform(self, recipe: Recipe, preprocessing: Preprocessing) -> JointTransform:  # noqa: ARG002 - the detector normalises
        settings = _settings(recipe)
        smallest, largest = settings.train_short_sides
        return DetectionAugmentation(
            settings.resize_policy,
            hflip=recipe.augmentation.hflip,
            short_sides=[*range(smallest, largest, _SHORT_SIDE_STEP), largest],
            long_side=settings.long_side,
            photometric=settings.photometric_distortion,
        )

    def train_collate(self) -> Callable[..., Any]:
        return collate_lists

    def loss(self, recipe: Recipe) -> Callable[[Any, Any], Tensor]:  # noqa: ARG002 - the network returns its losses
        return _total

    def check_arguments(self, metadata: Metadata) -> None:
        check_detector_arguments(metadata.task_args)

    def network(self, metadata: Metadata) -> nn.Module:
        return detector_of(metadata)

    def open_images(self, data_dir: str | None, split: Split, metadata: Metadata) -> CocoImages:
        if data_dir is None:
            raise UserError("detection has no embedded images: name the images to use with --data-dir DIR.")
        trained = metadata.recipe.get("detection")
        bad = trained.get("max_bad_annotations", 0) if isinstance(trained, dict) else 0
        return open_coco(data_dir, split, metadata.classes, max_bad=bad if isinstance(bad, int) else 0)

    def has_split(self, data_dir: str | None, split: Split) -> bool:
        return data_dir is not None and has_coco_split(data_dir, split)

    def eval_transform(self, metadata: Metadata) -> JointTransform:  # noqa: ARG002 - the detector resizes
        return ImageToTensor()

    def eval_collate(self) -> Callable[..., Any]:
        return collate_lists

    def evaluate(
        self,
        predictor: Predictor,
        batches: Iterable[Batch],
        metadata: Metadata,  # noqa: ARG002 - COCO's metric needs no class names
        reduction: Reduction = ONE_PROCESS,
    ) -> DetectionMetrics:
        return evaluate_detection(predictor, batches, reduction)

    def score_tables(self, scores: DetectionMetrics, metadata: Metadata, data: str, split: str) -> list[ScoreTable]:
        rows = [
            (name, *(f"{part[name]:.2%}" if name in part else "-" for part in (scores.boxes, scores.masks)))
            for name in dict.fromkeys((*scores.boxes, *scores.masks))
        ]
        title = f"{metadata.model} with {metadata.task_args['detector']} on {data}, {split}: {scores.count} images"
        rate = f"{scores.images_per_second:.2g} images/s"
        return [ScoreTable(f"{title}, {rate}", ("metric", "boxes", "masks"), rows)]

    def draw_run(
        self,
        predictor: Predictor,
        images: LabelledImages,
        metadata: Metadata,
        scores: Scores,  # noqa: ARG002 - no confusion matrix
        folder: Path,
    ) -> list[Path]:
        path = folder / "predictions.png"
        return [path] if draw_examples(predictor, images, metadata, path) else []

    def predict(self, predictor: Predictor, image: Image.Image, metadata: Metadata, top: int) -> DetectedObjects:  # noqa: ARG002
        pixels, _ = ImageToTensor()(image, Instances())
        return detected_objects(predictor([pixels])[0], metadata.classes)

    def draw_predictions(
        self,
        drawn: Sequence[tuple[Path, Image.Image, DetectedObjects]],
        metadata: Metadata,  # noqa: ARG002 - objects hold their class names
        path: Path,
    ) -> None:
        draw_detections([(image, objects) for _, image, objects in drawn], path)

    def file_predictor(self, file: ExportedFile, metadata: Metadata) -> tuple[Predictor, Metadata]:
        return lambda images: [detect_with_file(file, image, metadata) for image in images], metadata

    def export_size(self, metadata: Metadata) -> tuple[int, int]:
        """The largest image size, in landscape orientation."""
        height, width = super().export_size(metadata)
        return -(-height // _STRIDE) * _STRIDE, -(-width // _STRIDE) * _STRIDE

    def exportable(self, network: nn.Module, request: ExportRequest) -> nn.Module:
        check_request(request)
        return SingleImageDetector(network)  # type: ignore[arg-type]  # a `Detector`

    def fixed_shapes(self, prepared: nn.Module, image: Tensor) -> nn.Module:
        assert isinstance(prepared, SingleImageDetector)
        return FixedShapeDetector(prepared.detector, image)

    def output_names(self, outputs: Sequence[Tensor]) -> tuple[str, ...]:  # noqa: ARG002 - always the same
        return OUTPUTS

    def compare_outputs(
        self,
        expected: Outputs,
        exported: Outputs,
        images: Tensor,
        batch: int,  # noqa: ARG002 - images are compared one at a time
        logits: bool,  # noqa: ARG002 - objects are matched
    ) -> Parity:
        return compare_objects(expected, exported, images)

    def explained(self, network: nn.Module, metadata: Metadata) -> ExplainedNetwork:
        own = Preprocessing.from_dict(metadata.preprocessing)
        scored = DetectorClassScores(network, len(metadata.classes), own.mean, own.std)
        return ExplainedNetwork(network.get_submodule("backbone.body.net"), scored.eval())


def _settings(recipe: Recipe) -> DetectionSettings:
    settings: DetectionSettings = recipe.settings
    return settings


def _total(losses: dict[str, Tensor], _: Any) -> Tensor:
    return torch.stack(list(losses.values())).sum()


TASK = DetectionTask()
