"""Mean corruption error of ImageNet-C, relative to AlexNet (Hendrycks and Dietterich, 2019, arXiv:1903.12261)."""

from collections.abc import Sequence
from statistics import fmean

from parcnet.evaluation.robustness.score import PartScore

ALEXNET_ERROR = {
    "gaussian_noise": 0.886,
    "shot_noise": 0.894,
    "impulse_noise": 0.923,
    "defocus_blur": 0.820,
    "glass_blur": 0.826,
    "motion_blur": 0.786,
    "zoom_blur": 0.798,
    "snow": 0.867,
    "frost": 0.827,
    "fog": 0.819,
    "brightness": 0.565,
    "contrast": 0.853,
    "elastic_transform": 0.646,
    "pixelate": 0.718,
    "jpeg_compression": 0.607,
}
"""Corruption -> AlexNet's published top-1 error, the mean over the five severities."""

_SEVERITIES = frozenset("12345")


def mean_corruption_error(scores: Sequence[PartScore]) -> float | None:
    """mCE over the 15 corruptions, 1 for AlexNet; None unless each has all five severities.

        CE_c = sum_s E_{s,c} / sum_s E^AlexNet_{s,c}      mCE = mean_c CE_c

    with the top-1 errors E of severity s. The extra corruptions of the data set (speckle noise, ...) do not count.
    """
    errors: dict[str, dict[str, float]] = {name: {} for name in ALEXNET_ERROR}
    for scored in scores:
        name, _, severity = scored.part.rpartition(" ")
        if name in errors and severity in _SEVERITIES:
            errors[name][severity] = 1 - scored.scores.metrics()["top1"]
    if any(found.keys() != _SEVERITIES for found in errors.values()):
        return None
    return fmean(fmean(found.values()) / ALEXNET_ERROR[name] for name, found in errors.items())
