"""The contract between a task and the rooms above: training, evaluation, deploy, explain, report, the commands.

Whatever differs between tasks is a method or an attribute here; no other room names a task.
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
"""Inputs and targets: tensors such as images [B, C, H, W] and class indices [B], or lists and dicts of tensors."""

Mixer = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Images [B, C, H, W], targets -> mixed images, soft targets."""


class Task(ABC):
    """One task: data, network, loss, metrics, predictions, export and explanation. It holds no state.

    A recipe describes a run; `Metadata` describes a checkpoint, and evaluation depends on it alone, so that training,
    `parcnet eval` and an exported file are evaluated by the same code.

    metrics        columns of the table that a run ends with
    logged         metrics that log.jsonl records after each validation, as val_NAME
    best           the metric whose highest value selects the best epoch; a lower `loss` breaks ties where it is logged
    targeted       in training the network is called with the targets too: network(inputs, targets) -> outputs
    sync_norm      BatchNorm shares its statistics between GPUs (torch's SyncBatchNorm)
    single_label   the network maps images [B, C, H, W] to logits [B, classes], of which exactly one is right
    timm_network   the network is a classifier as `timm.create_model` builds it
    top            unit of `parcnet predict -k` in words
    eval_batch     images at a time in evaluation at most; None: as many as asked for
    parity_images  real images on which an exported file is compared
    """

    name: ClassVar[str]
    metrics: ClassVar[tuple[Metric, ...]]
    logged: ClassVar[tuple[str, ...]]
    best: ClassVar[Metric]
    targeted: ClassVar[bool] = False
    sync_norm: ClassVar[bool] = False
    single_label: ClassVar[bool] = False
    timm_network: ClassVar[bool] = False
    eval_batch: ClassVar[int | None] = None
    parity_images: ClassVar[int] = 4
    predicts: ClassVar[str]
    """What `parcnet predict RUN IMAGE` shows, for the lines a run ends with."""
    predict_flags: ClassVar[str] = ""

    # --- training: a recipe becomes data, a network and a loss ---

    @abstractmethod
    def open_splits(self, recipe: Recipe) -> Splits:
        """The images of a run. Raises `UserError` for whatever is wrong with its folders."""

    @abstractmethod
    def build(self, recipe: Recipe, classes: Sequence[str]) -> BuiltNetwork:
        """A fresh network on the CPU under the recipe's seed, with the weights it starts from."""

    @abstractmethod
    def train_transform(self, recipe: Recipe, preprocessing: Preprocessing) -> Transform | JointTransform:
        """Augmentation: from an image (and, for `JointTransform`, its label) to what network and loss take."""

    @abstractmethod
    def loss(self, recipe: Recipe) -> Callable[[Any, Any], Tensor]:
        """(outputs in float32, targets on the device) -> the mean over the micro-batch, a scalar.

        Micro-batches and ranks weigh the same, so each mean must be over equally much, else accumulation changes it.
        """

    def mixer(self, recipe: Recipe, classes: int) -> Mixer | None:  # noqa: ARG002 - for tasks that mix
        """What mixes whole batches on the device (mixup, CutMix), if anything does."""
        return None

    def check_batch(self, micro_batch: int, world: int, device: str) -> None:  # noqa: B027 - most take every batch
        """Raises `UserError` for micro-batches that the network cannot train on; device "cpu", "cuda", ..."""

    def train_collate(self) -> Callable[..., Any]:
        """How training samples become a batch: `collate`, or `collate_lists` for images of many sizes."""
        return collate

    # --- evaluation: a checkpoint's metadata and a predictor ---

    @abstractmethod
    def network(self, metadata: Metadata) -> nn.Module:
        """A fresh network as a checkpoint describes it."""

    def check_arguments(self, metadata: Metadata) -> None:
        """Raises `UserError` unless the file's `task_args` are the task's own and within bounds; builds nothing."""
        if metadata.task_args:
            raise UserError(f"{metadata.task} has no task_args; this file has {', '.join(sorted(metadata.task_args))}")

    @abstractmethod
    def open_images(self, data_dir: str | None, split: Split, metadata: Metadata) -> LabelledImages:
        """The images of a split, labelled by the checkpoint's classes. Raises `UserError`."""

    @abstractmethod
    def has_split(self, data_dir: str | None, split: Split) -> bool:
        """Whether the data have this split."""

    @abstractmethod
    def eval_transform(self, metadata: Metadata) -> Transform | JointTransform:
        """What an image (and, for `JointTransform`, its label) becomes in evaluation."""

    def eval_collate(self) -> Callable[..., Any]:
        """How evaluation samples become a batch."""
        return collate

    @abstractmethod
    def evaluate(
        self, predictor: Predictor, batches: Iterable[Batch], metadata: Metadata, reduction: Reduction = ONE_PROCESS
    ) -> Scores:
        """The metrics of a split, of which every rank evaluates its own part; the same on every rank."""

    def multi_scale(self, metadata: Metadata) -> Metadata:  # noqa: ARG002 - for tasks that have several scales
        """The metadata of the same network evaluated at several scales. Raises `UserError` where that means nothing."""
        raise UserError(f"multi-scale evaluation is not defined for {self.name}: leave --multi-scale out.")

    @abstractmethod
    def score_tables(self, scores: Any, metadata: Metadata, data: str, split: str) -> list[ScoreTable]:
        """What `parcnet eval` prints of the task's own scores on the data called `data`."""

    def score_values(self, scores: Any, metadata: Metadata) -> Mapping[str, Any]:  # noqa: ARG002
        """JSON values that `parcnet eval --json` adds to the metrics."""
        return {}

    def warnings(self, scores: Any, metadata: Metadata, split: str) -> list[str]:  # noqa: ARG002
        """Sentences on what makes the scores doubtful, e.g. classes without images."""
        return []

    @abstractmethod
    def draw_run(
        self, predictor: Predictor, images: LabelledImages, metadata: Metadata, scores: Scores, folder: Path
    ) -> list[Path]:
        """Draws into the run folder what the network predicts on a split with those scores; returns the files."""

    # --- prediction: single images, by a network or an exported file ---

    @abstractmethod
    def predict(self, predictor: Predictor, image: Image.Image, metadata: Metadata, top: int) -> Prediction:
        """The prediction for one image, the `top` likeliest classes of it."""

    def check_drawable(self, metadata: Metadata) -> None:
        """Raises `UserError` where predictions say nothing of places in the image."""
        if type(self).draw_predictions is Task.draw_predictions:
            raise UserError(
                f"--save draws where things are; this {metadata.model} predicts classes of whole images "
                f"({self.name}): leave it out."
            )

    def draw_predictions(  # noqa: B027 - for tasks that localise
        self, drawn: Sequence[tuple[Path, Image.Image, Any]], metadata: Metadata, path: Path
    ) -> None:
        """Draws predictions over their images, (file, image, prediction) each, into `path`."""

    def file_predictor(self, file: ExportedFile, metadata: Metadata) -> tuple[Predictor, Metadata]:
        """An exported file, which serves one image size, as a predictor for `predict` and `evaluate`.

        Returns the metadata that go with it.
        """
        return file, for_file(metadata, file)

    # --- export ---

    def export_size(self, metadata: Metadata) -> tuple[int, int]:
        """(H, W) in px that an exported file serves when none is asked for."""
        height, width = Preprocessing.from_dict(metadata.preprocessing).size
        return height, width

    def exportable(self, network: nn.Module, request: ExportRequest) -> nn.Module:  # noqa: ARG002
        """The network on a normalised image batch, to be exported. Raises `UserError` for an impossible request."""
        return network

    def fixed_shapes(self, prepared: nn.Module, image: Tensor) -> nn.Module:  # noqa: ARG002
        """`exportable`'s network, prepared for images like `image`, as a graph of fixed shapes."""
        return prepared

    def output_names(self, outputs: Sequence[Tensor]) -> tuple[str, ...]:
        """Names of an exported file's outputs; `logits` are compared by their argmax too."""
        if len(outputs) == 1 and outputs[0].dim() == 2:
            return ("logits",)
        return tuple(f"output_{index}" for index in range(len(outputs)))

    def compare_outputs(self, expected: Outputs, exported: Outputs, images: Tensor, batch: int, logits: bool) -> Parity:
        """How close an exported file is to its network, on images [N, C, H, W]."""
        return compare(expected, exported, images, batch, logits=logits)

    # --- explanation ---

    @abstractmethod
    def explained(self, network: nn.Module, metadata: Metadata) -> ExplainedNetwork:
        """The network whose layers are explained, and what Grad-CAM differentiates."""
