"""What the engine asks of a task. All that it knows about images, targets and figures is said here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from torch import Tensor

from parcnet.data import JointTransform, LabelledImages, Preprocessing, Transform, collate
from parcnet.data.splits import Splits
from parcnet.evaluation import Predictor
from parcnet.recipes import Recipe
from parcnet.tasks.building import Built
from parcnet.training.distributed.process_group import Ranks
from parcnet.training.loop.step import Batch, Mixer
from parcnet.training.setup.batch_split import Share

if TYPE_CHECKING:
    from parcnet.training.conclusion import Outcome
    from parcnet.training.setup.prepare import Job


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of an evaluation; more is better, but for the loss."""

    name: str
    """In logs and files, e.g. top1."""
    title: str
    """For people, e.g. top-1."""
    percent: bool = True
    """Whether it is a share in [0, 1], shown as a percentage."""

    def shown(self, value: float) -> str:
        """As text."""
        return f"{value:.2%}" if self.percent else f"{value:.4f}"


class Scores(Protocol):
    """What an evaluation found."""

    @property
    def count(self) -> int:
        """Images."""

    def metrics(self) -> dict[str, float]:
        """The plain numbers by `Metric.name`, at least those of `Task.metrics`."""


class Task(ABC):
    """One task as one recipe asks for it: data, network, loss, figures, pictures.

    metrics     the columns of the table that a run ends with
    logged      names of the figures that log.jsonl notes after each validation, as val_NAME
    chosen      the one whose highest value chooses the best epoch; a lower `loss` breaks ties where it is logged
    targeted    whether the network is given the targets too while it trains: network(inputs, targets) -> outputs
    sync_norm   whether BatchNorm shares its statistics between GPUs (torch's SyncBatchNorm)
    predicts    what `parcnet predict RUN IMAGE` and its predict_flags would show, for the lines a run ends with
    """

    name: ClassVar[str]
    metrics: ClassVar[tuple[Metric, ...]]
    logged: ClassVar[tuple[str, ...]]
    chosen: ClassVar[Metric]
    targeted: ClassVar[bool] = False
    sync_norm: ClassVar[bool] = False
    predicts: ClassVar[str]
    predict_flags: ClassVar[str] = ""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    @abstractmethod
    def open_splits(self) -> Splits:
        """The data. Raises `UserError` for whatever is wrong with its folders."""

    @abstractmethod
    def build(self, classes: Sequence[str]) -> Built:
        """A fresh network on the CPU under the recipe's seed, with the weights it starts from."""

    @abstractmethod
    def transform(self, preprocessing: Preprocessing, training: bool) -> Transform | JointTransform:
        """From an image (and, for `JointTransform`, its label) to what network and loss take."""

    @abstractmethod
    def loss(self) -> Callable[[Any, Any], Tensor]:
        """(outputs in float32, targets on the device) -> the mean over the micro-batch, a scalar.

        Micro-batches and ranks count alike, so it must be a mean over as much in each, else accumulation changes it.
        """

    @abstractmethod
    def evaluate(self, predictor: Predictor, batches: Iterable[Batch], classes: int, ranks: Ranks) -> Scores:
        """The figures of a split, of which every rank sees its own part; the same on every rank."""

    @abstractmethod
    def draw(self, predictor: Predictor, job: Job, shown: LabelledImages, scores: Scores) -> list[Path]:
        """Draws into the run folder what the network makes of a split with those scores; returns the files."""

    def check(self, share: Share, device: str) -> None:  # noqa: B027 - for tasks that cannot take every batch
        """Raises `UserError` for a division of the batch that the network cannot train on; device "cpu", "cuda"..."""

    def notes(self, outcome: Outcome) -> list[str]:  # noqa: ARG002 - for tasks that have something to say
        """Sentences below the table of a run's end."""
        return []

    def mixer(self, classes: int) -> Mixer | None:  # noqa: ARG002 - for tasks that mix
        """What mixes whole batches on the device, if anything does."""
        return None

    def collate(self, training: bool) -> Callable[..., Any]:  # noqa: ARG002 - for tasks with images of many sizes
        """How samples become batches: `collate`, or `collate_lists` for images of many sizes."""
        return collate
