"""Amount of work for a report: images, sizes, corruptions and seconds of timing."""

from dataclasses import dataclass

from parcnet.data.corruptions import CORRUPTIONS, SEVERITIES


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of a report. Images are evenly spaced in the split, hence spread over its classes."""

    images: int = 5000
    """For accuracy, confusion and the worst mistakes."""
    probes: int = 500
    """Of these, for robustness; each is evaluated at every size, corruption and severity."""
    mistakes: int = 8
    field_images: int = 30
    """For the receptive field."""
    corruptions: tuple[str, ...] = tuple(CORRUPTIONS)
    severities: tuple[int, ...] = SEVERITIES
    factors: tuple[float, ...] = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
    """Image sizes as multiples of the training size."""
    timing_seconds: float = 2.0
    """Budget for latency measurements."""
    optimized: bool = True
    """Whether to time the network after `parcnet.optimize` too, which takes seconds."""


QUICK = Bounds(
    images=500,
    probes=100,
    mistakes=4,
    field_images=8,
    corruptions=("gaussian_noise", "gaussian_blur", "contrast", "jpeg"),
    severities=(1, 3, 5),
    factors=(0.5, 1.0, 1.5),
    timing_seconds=0.5,
)
"""A tenth of the work: enough to detect a failure, too little for exact figures."""
