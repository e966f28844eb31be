"""A linear classifier on frozen features."""

import numpy as np

from parcnet.base import UserError
from parcnet.evaluation.features.files import Features
from parcnet.evaluation.features.neighbours import check_same_classes


def linear_probe(
    train: Features, test: Features, *, strength: float = 1.0, seed: int = 0, most: int = 100_000
) -> float:
    """Top-1 on `test` of logistic regression fitted to `train`; features are standardised by `train` first.

    `strength` is the inverse of the L2 penalty; of more than `most` images as many are drawn by `seed`, as the solver
    holds all of them in memory.
    """
    from sklearn.linear_model import LogisticRegression  # here, for it takes a second that others need not wait
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    check_same_classes(train, test)
    if len(set(train.labels.tolist())) < 2:
        raise UserError("a classifier needs images of at least two classes to be fitted to.")
    rows = np.random.default_rng(seed).permutation(len(train.labels))[:most]
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000))
    probe.fit(train.vectors[rows], train.labels[rows])
    return float(probe.score(test.vectors, test.labels))
