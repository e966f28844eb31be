"""Detection and instance segmentation: boxes, classes and masks of objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from parcnet.base import UserError
from parcnet.data import BadImage, JointTransform, LabelledImages, Preprocessing, collate_lists
from parcnet.data.splits import Splits
from parcnet.evaluation import DetectionResult, Predictor, evaluate_detection
from parcnet.plots import DrawnInstances, draw_instances
from parcnet.tasks.building import Built, colour_statistics
from parcnet.tasks.detection import build_detector, found_in
from parcnet.tasks.detection.coco import AsItIs, CocoImages, DetectionAugmentation, has_coco_split, open_coco
from parcnet.tasks.starting_weights import backbone_of, start_from
from parcnet.tasks.task import Metric, Scores, Task
from parcnet.training.distributed.process_group import Ranks
from parcnet.training.loop.step import Batch

if TYPE_CHECKING:
    from parcnet.training.setup.prepare import Job

_STEP = 32
"""px between the short sides of training images."""
_SHOWN = 4
"""Images in the picture of predictions."""
_NETWORK = ("detector", "box_head", "box_loss", "class_agnostic", "short_side", "long_side", "anchor_scale")
_ARGUMENTS = (*_NETWORK, "regions", "score_threshold", "detections", "mask_padding")
"""Fields of the recipe that `build_detector` takes, by these names."""

_BOX_AP = Metric("box_ap", "box AP")


class Detection(Task):
    """Box AP over IoU .5 to .95 chooses the best epoch.

    The loss is a mean over regions, of which an image gives a fixed number while it has enough; so gradients summed
    over micro-batches are those of the whole batch but for images with few regions, and for masks, whose mean is over
    the regions that show an object.
    """

    name = "detection"
    metrics = (_BOX_AP, Metric("mask_ap", "mask AP"), Metric("box_ap50", "box AP50"), Metric("mask_ap50", "mask AP50"))
    logged = ("box_ap", "mask_ap")
    chosen = _BOX_AP
    targeted = True
    sync_norm = True
    predicts = "boxes, classes and masks in your images"
    predict_flags = " --save predicted.png"

    def open_splits(self) -> Splits:
        folder = self.recipe.data.data_dir
        if folder is None:
            raise UserError(
                "detection has no embedded data: give --data-dir DIR with COCO's annotations. `make demo-detection` "
                "makes such a folder of coins."
            )
        settings = self.recipe.detection
        group = self.recipe.data.batch_size if settings.group_by_aspect else 1
        train = open_coco(folder, "train", only_filled=not settings.empty_images, group=group)
        val = open_coco(folder, "val", train.classes)
        test = open_coco(folder, "test", train.classes) if has_coco_split(folder, "test") else None
        return Splits(train, val, test)

    def build(self, classes: Sequence[str]) -> Built:
        recipe, settings = self.recipe, self.recipe.detection
        if recipe.network.in_chans != 3:
            raise UserError(f"in_chans is {recipe.network.in_chans}; detection reads images in colour: leave it out.")
        backbone, model_args = backbone_of(recipe)
        mean, std = colour_statistics(backbone.net, recipe)
        values = {name: value for name, value in asdict(settings).items() if name in _ARGUMENTS}
        task_args = {**values, "mean": mean, "std": std}
        network = build_detector(backbone=backbone, num_classes=len(classes), **task_args)
        report = start_from(network, backbone, recipe)
        preprocessing = Preprocessing((settings.short_side, settings.long_side), mean, std, "bilinear", 1.0)
        return Built(network, model_args, preprocessing, task_args, () if report is None else (str(report),))

    def transform(self, preprocessing: Preprocessing, training: bool) -> JointTransform:  # noqa: ARG002 - the detector's own
        """In evaluation images stay as they are: the detector resizes them, and its answers back."""
        if not training:
            return AsItIs()
        settings = self.recipe.detection
        smallest, largest = settings.train_short_sides
        return DetectionAugmentation(
            settings.resize_policy,
            hflip=self.recipe.augmentation.hflip,
            short_sides=[*range(smallest, largest, _STEP), largest],
            long_side=settings.long_side,
            photometric=settings.photometric_distortion,
        )

    def collate(self, training: bool) -> Callable[..., Any]:  # noqa: ARG002 - the same for both
        return collate_lists

    def loss(self) -> Callable[[Any, Any], Tensor]:
        return _total

    def evaluate(self, predictor: Predictor, batches: Iterable[Batch], classes: int, ranks: Ranks) -> DetectionResult:  # noqa: ARG002 - COCO's metric counts the classes that are there
        return evaluate_detection(predictor, batches, ranks.gathered)

    def draw(self, predictor: Predictor, job: Job, shown: LabelledImages, scores: Scores) -> list[Path]:  # noqa: ARG002
        """A few images with what was found in them."""
        assert isinstance(shown, CocoImages)
        pictures = []
        for index in sorted({round(place * (len(shown) - 1) / (_SHOWN - 1)) for place in range(_SHOWN)}):
            try:
                image = shown.image(index)
            except BadImage:
                continue  # was named when the split was evaluated
            pixels, _ = AsItIs()(image, shown.label(index))
            found = found_in(predictor([pixels])[0], job.classes)
            drawn = DrawnInstances(found.boxes, found.masks, found.names, found.scores, found.kinds)
            pictures.append((np.asarray(image), drawn))
        if not pictures:
            return []
        draw_instances(pictures, job.folder.predictions)
        return [job.folder.predictions]


def _total(losses: dict[str, Tensor], _: Any) -> Tensor:
    return torch.stack(list(losses.values())).sum()
