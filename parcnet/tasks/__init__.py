"""Backbone to task: losses and decoding."""

from parcnet.tasks.classification import top_k, training_loss

__all__ = ["top_k", "training_loss"]
