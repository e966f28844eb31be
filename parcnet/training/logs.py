"""What is written about a run while it lasts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StepLog:
    """One line of steps.jsonl. Losses, gradients and learning rates are functions of the recipe; the rest is not."""

    step: int
    """From 1."""
    epoch: int
    """From 1."""
    loss: float | None
    """Mean over the batch, on augmented images and smoothed labels, in nats; None: not finite."""
    grad_norm: float | None
    """Length of the whole gradient before clipping; None: not finite."""
    lr: float
    updated: bool
    """Whether the weights changed."""
    images_per_second: float
    """Of all processes together, reading included."""
    waited: float
    """Seconds that the step waited for its images."""
    memory_mb: float
    """Most memory taken so far: of the GPU by tensors, else of the process."""


@dataclass(frozen=True, slots=True)
class EpochLog:
    """One line of log.jsonl."""

    epoch: int
    """From 1."""
    train_loss: float
    """Mean over the epoch's steps, on augmented images and smoothed labels, in nats."""
    val_loss: float | None
    """Mean cross entropy without smoothing, in nats; None: not validated. With an average of the weights: of the
    averaged network."""
    val_top1: float | None
    """In [0, 1]."""
    lr: float
    """Of the epoch's last step."""
    seconds: float
    """Training and validation, since the run began or went on."""
    images_per_second: float
    """Training alone."""
    waited: float
    """Share of the training time in which steps waited for images."""
