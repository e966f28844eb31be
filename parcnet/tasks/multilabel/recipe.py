"""Multi-label classification: when a class counts as predicted."""

from dataclasses import dataclass
from typing import Annotated

from parcnet.recipes import TaskSection
from parcnet.recipes.ranges import Range, check_ranges


@dataclass(frozen=True, slots=True)
class MultiLabelSettings:
    """Every shared section means what it means in classification; `augmentation.smoothing` moves each target of 0 or 1
    towards 0.5, as timm's multi-label training does."""

    threshold: Annotated[float, Range(0, 1, above=True, below=True)] = 0.5
    """Probability from which a class counts as predicted: in F1, and in `parcnet predict`. mAP has no threshold."""

    def __post_init__(self) -> None:
        check_ranges(self)


SECTION = TaskSection(MultiLabelSettings)
