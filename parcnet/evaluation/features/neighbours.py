"""Nearest neighbours by cosine similarity of features."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from parcnet.base import UserError
from parcnet.evaluation.features.feature_files import Features

_QUERIES_AT_ONCE = 1024  # 1024 x 1.3M similarities are 5 GB


def nearest_images(
    queries: Features, gallery: Features, k: int, *, leave_out_self: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k nearest gallery images of each query, most similar first.

    Returns (indices into `gallery`, cosines), each [queries, k].

    `leave_out_self`: queries and gallery are the same features, and an image is not its own neighbour.
    """
    available = len(gallery.indices) - int(leave_out_self)
    if not 1 <= k <= available:
        raise UserError(f"k is {k}; expected 1 to {available}, the number of gallery images.")
    if queries.vectors.shape[1] != gallery.vectors.shape[1]:
        raise UserError(
            f"features of {queries.vectors.shape[1]} and {gallery.vectors.shape[1]} channels are from two networks: "
            "extract both with the same checkpoint."
        )
    keys = _normalized(gallery)
    neighbours, cosines = [], []
    for start, rows in enumerate(_normalized(queries).split(_QUERIES_AT_ONCE)):
        similarities = rows @ keys.T
        if leave_out_self:
            own = torch.arange(len(rows))
            similarities[own, own + start * _QUERIES_AT_ONCE] = -torch.inf
        values, found = similarities.topk(k, dim=1)
        neighbours.append(found)
        cosines.append(values)
    return torch.cat(neighbours).numpy(), torch.cat(cosines).numpy()


def knn_accuracy(train: Features, test: Features, k: int = 20, temperature: float = 0.07) -> float:
    """Top-1 of weighted k-nearest neighbours: `train` images vote with weight exp(cosine / temperature).

    The protocol of Wu et al., 2018 (arXiv:1805.01978) and Caron et al., 2021 (arXiv:2104.14294).
    """
    check_comparable(train, test)
    neighbours, cosines = nearest_images(test, train, min(k, len(train.indices)))
    weights = torch.from_numpy(cosines / temperature).softmax(dim=1)
    votes = torch.zeros(len(test.indices), len(train.classes))
    votes.scatter_add_(1, torch.from_numpy(train.labels[neighbours]), weights)
    return float((votes.argmax(dim=1).numpy() == test.labels).mean())


def check_comparable(train: Features, test: Features) -> None:
    """Raises `UserError` for features with different classes or of different networks."""
    if train.classes != test.classes:
        raise UserError(
            f"the features have different classes, {len(train.classes)} and {len(test.classes)}: extract both from the "
            "same data."
        )
    if train.about.get("weights") != test.about.get("weights"):
        raise UserError("the features are from two networks: extract both with the same checkpoint.")


def _normalized(features: Features) -> Tensor:
    return F.normalize(torch.from_numpy(features.vectors), dim=1)
