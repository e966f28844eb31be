"""Average precision of one class."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def average_precision(scores: NDArray[Any], positive: NDArray[np.bool_]) -> float:
    """Non-interpolated average precision of images [N] by score; 0 where none is positive.

        AP = sum_k (R_k - R_{k-1}) P_k      P_k, R_k precision and recall of the images at or above the kth score

    over the distinct scores, the highest first: equal scores are one threshold, so the order of images does not matter.
    As scikit-learn's `average_precision_score` and timm's `MultiLabelClassificationEvaluator`.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # the last image of each score
    hits = positive[order].cumsum()[ends]
    if not hits[-1]:
        return 0.0
    precision = hits / (ends + 1)
    return float((np.diff(hits, prepend=0) * precision).sum() / hits[-1])
