"""The interface between a task and training, evaluation, deploy, explain, report and the commands.

Everything that differs between tasks is a method or an attribute of `Task`; no other package names a task.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.data import JointTransform, LabelledImages, Preprocessing, Split, Splits, Transform, collate
from parcnet.recipes import Recipe
from parcnet.tasks.building import BuiltNetwork
from parcnet.tasks.class_scores import ExplainedNetwork
from parcnet.tasks.exported_file import ExportedFile, ExportRequest, for_file
from parcnet.tasks.parity import Outputs, Parity, compare
from parcnet.tasks.prediction import Prediction
from parcnet.tasks.predictor import Predictor
from parcnet.tasks.reduction import ONE_PROCESS, Reduction
from parcnet.tasks.scores import Metric, Scores, ScoreTable

Batch = tuple[Any, Any]
"""(inputs, targets): tensors such as images [B, C, H, W] and class indices [B], or lists and dicts of tensors."""

Mixer = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""(images [B, C, H, W], targets) -> (mixed images, soft targets)."""


class Task(ABC):
    """A task: data, network, loss, metrics, predictions, export and explanation. Stateless.

    A recipe describes a run; `Metadata` describes a checkpoint. Evaluation depends on the metadata alone, so that the
    same code serves training, `parcnet eval` and exported files.

    metrics        columns of the results table at the end of a run
    logged         metrics that log.jsonl records after each validation, as val_NAME
    best           metric whose highest value selects the best epoch; a lower `loss`, if logged, breaks ties
    takes_targets  in training the network also takes the targets: network(inputs, targets) -> outputs
    sync_norm      BatchNorm statistics are synchronised between GPUs (torch's SyncBatchNorm)
    single_label   the network maps images [B, C, H, W] to logits [B, classes], and each image has one class
    timm_network   the network is a classifier built by `timm.create_model`
    eval_batch     largest batch size in evaluation; None: no limit
    parity_images  number of images on which an exported file is compared with its network
    """

    name: ClassVar[str]
    metrics: ClassVar[tuple[Metric, ...]]
    logged: ClassVar[tuple[str, ...]]
    best: ClassVar[Metric]
    takes_targets: ClassVar[bool] = False
    sync_norm: ClassVar[bool] = False
    single_label: ClassVar[bool] = False
    timm_network: ClassVar[bool] = False
    eval_batch: ClassVar[int | None] = None
    parity_images: ClassVar[int] = 4
    predicts: ClassVar[str]
    """What `parcnet predict RUN IMAGE` shows, for the next steps printed after a run."""
    predict_flags: ClassVar[str] = ""
    """Flags of that command, with a leading space."""

    # --- training: from a recipe to data, network and loss ---

    @abstractmethod
    def open_splits(self, recipe: Recipe) -> Splits:
        """The data of a run. Raises `UserError` for unusable folders."""

    @abstractmethod
    def build(self, recipe: Recipe, classes: Sequence[str]) -> BuiltNetwork:
        """A network on the CPU with its initial weights, under the recipe's seed."""

    @abstractmethod
    def train_transform(self, recipe: Recipe, preprocessing: Preprocessing) -> Transform | JointTransform:
        """Augmentation of an image (for `JointTransform`, also of its label) for training."""

    @abstractmethod
    def loss(self, recipe: Recipe) -> Callable[[Any, Any], Tensor]:
        """(outputs in float32, targets on the device) -> scalar loss, the mean over the micro-batch.

        Micro-batches and ranks have equal weight, so each mean must be over equally many terms; otherwise gradient
        accumulation changes the loss.
        """

    def mixer(self, recipe: Recipe, classes: int) -> Mixer | None:  # noqa: ARG002 - for tasks that mix
        """Mixup and CutMix of batches on the device; None: no mixing."""
        return None

    def check_batch(self, micro_batch: int, world: int, device: str) -> None:  # noqa: B027 - most tasks have no limit
        """Raises `UserError` for micro-batches too small to train on. `device` is a type such as "cuda"."""

    def train_collate(self) -> Callable[..., Any]:
        """Collates training samples: `collate`, or `collate_lists` for images of different sizes."""
        return collate

    # --- evaluation: from a checkpoint's metadata and a predictor ---

    @abstractmethod
    def network(self, metadata: Metadata) -> nn.Module:
        """The network that a checkpoint describes, randomly initialised."""

    def check_arguments(self, metadata: Metadata) -> None:
        """Raises `UserError` unless the file's `task_args` are the task's own and within bounds; builds nothing."""
        if metadata.task_args:
            raise UserError(f"{metadata.task} has no task_args; this file has {', '.join(sorted(metadata.task_args))}")

    @abstractmethod
    def open_images(self, data_dir: str | None, split: Split, metadata: Metadata) -> LabelledImages:
        """The images of a split, with labels in the checkpoint's classes. Raises `UserError`."""

    @abstractmethod
    def has_split(self, data_dir: str | None, split: Split) -> bool:
        """Whether the data have this split."""

    @abstractmethod
    def eval_transform(self, metadata: Metadata) -> Transform | JointTransform:
        """Preprocessing of an image (for `JointTransform`, also of its label) for evaluation."""

    def eval_collate(self) -> Callable[..., Any]:
        """Collates evaluation samples."""
        return collate

    @abstractmethod
    def evaluate(
        self, predictor: Predictor, batches: Iterable[Batch], metadata: Metadata, reduction: Reduction = ONE_PROCESS
    ) -> Scores:
        """The metrics of a split. Each rank evaluates its own part and returns the metrics of the whole."""

    def multi_scale(self, metadata: Metadata) -> Metadata:  # noqa: ARG002 - for tasks that define it
        """The metadata for multi-scale evaluation. Raises `UserError` where the task does not define it."""
        raise UserError(f"multi-scale evaluation is not defined for {self.name}: leave --multi-scale out.")

    @abstractmethod
    def score_tables(self, scores: Any, metadata: Metadata, data: str, split: str) -> list[ScoreTable]:
        """The tables that `parcnet eval` prints for this task's scores on the data set `data`."""

    def score_values(self, scores: Any, metadata: Metadata) -> Mapping[str, Any]:  # noqa: ARG002
        """JSON values that `parcnet eval --json` adds to the metrics."""
        return {}

    def warnings(self, scores: Any, metadata: Metadata, split: str) -> list[str]:  # noqa: ARG002
        """Warnings about the scores, e.g. about classes without images."""
        return []

    @abstractmethod
    def draw_run(
        self, predictor: Predictor, images: LabelledImages, metadata: Metadata, scores: Scores, folder: Path
    ) -> list[Path]:
        """Draws predictions on a split with these scores into the run folder; returns the files."""

    # --- prediction: single images, by a network or an exported file ---

    @abstractmethod
    def predict(self, predictor: Predictor, image: Image.Image, metadata: Metadata, top: int) -> Prediction:
        """The prediction for one image, with its `top` likeliest classes."""

    def check_drawable(self, metadata: Metadata) -> None:
        """Raises `UserError` for tasks that do not localise."""
        if type(self).draw_predictions is Task.draw_predictions:
            raise UserError(
                f"--save draws where objects are, but this {metadata.model} predicts classes of whole images "
                f"({self.name}): leave --save out."
            )

    def draw_predictions(  # noqa: B027 - for tasks that localise
        self, drawn: Sequence[tuple[Path, Image.Image, Any]], metadata: Metadata, path: Path
    ) -> None:
        """Draws the predictions of (file, image, prediction) over their images into `path`."""

    def file_predictor(self, file: ExportedFile, metadata: Metadata) -> tuple[Predictor, Metadata]:
        """(an exported file as a predictor for `predict` and `evaluate`, the metadata to use with it)."""
        return file, for_file(metadata, file)

    # --- export ---

    def export_size(self, metadata: Metadata) -> tuple[int, int]:
        """(H, W) in px, the default image size of an exported file."""
        height, width = Preprocessing.from_dict(metadata.preprocessing).size
        return height, width

    def exportable(self, network: nn.Module, request: ExportRequest) -> nn.Module:  # noqa: ARG002
        """The network to export, which takes normalised images. Raises `UserError` for an impossible request."""
        return network

    def fixed_shapes(self, prepared: nn.Module, image: Tensor) -> nn.Module:  # noqa: ARG002
        """The result of `exportable` as a graph of fixed shapes, for images of the shape of `image`."""
        return prepared

    def output_names(self, outputs: Sequence[Tensor]) -> tuple[str, ...]:
        """Names of an exported file's outputs; outputs named `logits` are also compared by argmax."""
        if len(outputs) == 1 and outputs[0].dim() == 2:
            return ("logits",)
        return tuple(f"output_{index}" for index in range(len(outputs)))

    def compare_outputs(self, expected: Outputs, exported: Outputs, images: Tensor, batch: int, logits: bool) -> Parity:
        """Compares an exported file with its network on images [N, C, H, W]."""
        return compare(expected, exported, images, batch, logits=logits)

    # --- explanation ---

    @abstractmethod
    def explained(self, network: nn.Module, metadata: Metadata) -> ExplainedNetwork:
        """The network whose layers are explained, and what Grad-CAM differentiates."""
