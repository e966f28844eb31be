"""Nearest neighbours by the cosine of features."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from parcnet.base import UserError
from parcnet.evaluation.features.files import Features

_ROWS = 1024  # queries at a time: 1024 x 1.3M similarities are 5 GB


def nearest_images(
    queries: Features, gallery: Features, k: int, *, leave_out_self: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(positions in `gallery` [queries, k], cosines [queries, k]) of the k most alike of each query, the best first.

    `leave_out_self` for two times the same features: nothing is its own neighbour.
    """
    most = len(gallery.indices) - int(leave_out_self)
    if not 1 <= k <= most:
        raise UserError(f"k is {k}; expected 1 to {most}, the number of images to find neighbours among.")
    if queries.vectors.shape[1] != gallery.vectors.shape[1]:
        raise UserError(
            f"features of {queries.vectors.shape[1]} and {gallery.vectors.shape[1]} channels come from two networks."
        )
    towards = _unit(gallery)
    positions, cosines = [], []
    for start, rows in enumerate(_unit(queries).split(_ROWS)):
        alike = rows @ towards.T
        if leave_out_self:
            own = torch.arange(len(rows))
            alike[own, own + start * _ROWS] = -torch.inf
        values, found = alike.topk(k, dim=1)
        positions.append(found)
        cosines.append(values)
    return torch.cat(positions).numpy(), torch.cat(cosines).numpy()


def knn_accuracy(train: Features, test: Features, k: int = 20, temperature: float = 0.07) -> float:
    """Share of `test` whose k nearest in `train` vote for the right class, votes weighing exp(cosine / temperature).

    The usual protocol for features of unknown networks (Wu et al., 2018; Caron et al., 2021).
    """
    check_same_classes(train, test)
    positions, cosines = nearest_images(test, train, min(k, len(train.indices)))
    weights = torch.from_numpy(cosines / temperature).softmax(dim=1)
    votes = torch.zeros(len(test.indices), len(train.classes))
    votes.scatter_add_(1, torch.from_numpy(train.labels[positions]), weights)
    return float((votes.argmax(dim=1).numpy() == test.labels).mean())


def check_same_classes(train: Features, test: Features) -> None:
    """Raises `UserError` for features of data with other classes, and of another network."""
    if train.classes != test.classes:
        raise UserError(
            f"the features have {len(train.classes)} and {len(test.classes)} classes that are not the same."
        )
    if train.about.get("weights") != test.about.get("weights"):
        raise UserError("the features come from two networks: extract both with the same checkpoint.")


def _unit(features: Features) -> Tensor:
    return F.normalize(torch.from_numpy(features.vectors), dim=1)
