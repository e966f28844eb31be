"""The images of a run, opened before any work: a mistake in the data costs seconds, not hours."""

from dataclasses import dataclass

from parcnet.data.datasets import LabelledImages


@dataclass(frozen=True, slots=True)
class Splits:
    """Networks learn from train, val selects the best epoch, test (if there is one) is evaluated once, at the end."""

    train: LabelledImages
    val: LabelledImages
    test: LabelledImages | None

    @property
    def sizes(self) -> dict[str, int]:
        """Images in each split that exists."""
        return {name: len(images) for name, images in self.named.items()}

    @property
    def named(self) -> dict[str, LabelledImages]:
        """The splits that exist."""
        named = {"train": self.train, "val": self.val, "test": self.test}
        return {name: images for name, images in named.items() if images is not None}
