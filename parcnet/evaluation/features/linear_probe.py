"""Linear probe: logistic regression on frozen features."""

import numpy as np

from parcnet.base import UserError
from parcnet.evaluation.features.feature_files import Features
from parcnet.evaluation.features.neighbours import check_comparable


def linear_probe(
    train: Features, test: Features, *, strength: float = 1.0, seed: int = 0, max_images: int = 100_000
) -> float:
    """Top-1 on `test` of logistic regression fitted to `train`, on features standardised by `train`.

    `strength` is the inverse of the L2 penalty. The solver holds all images in memory: beyond `max_images`, a random
    subset drawn with `seed` is used.
    """
    from sklearn.linear_model import LogisticRegression  # imported here: it takes a second
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    check_comparable(train, test)
    if len(set(train.labels.tolist())) < 2:
        raise UserError("the training features have one class: a classifier needs at least two.")
    rows = np.random.default_rng(seed).permutation(len(train.labels))[:max_images]
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000))
    probe.fit(train.vectors[rows], train.labels[rows])
    return float(probe.score(test.vectors, test.labels))
