"""How much a page looks at: enough for its figures to mean something, little enough to wait for."""

from dataclasses import dataclass

from parcnet.data.corruptions import CORRUPTIONS, SEVERITIES


@dataclass(frozen=True, slots=True)
class Bounds:
    """Images are spread evenly over the split, so over its classes."""

    images: int = 5000
    """For accuracy, confusion and the worst mistakes."""
    probes: int = 500
    """Of these, for robustness; each is seen once for every size, corruption and severity."""
    mistakes: int = 8
    field_images: int = 30
    """For the receptive field."""
    corruptions: tuple[str, ...] = tuple(CORRUPTIONS)
    severities: tuple[int, ...] = SEVERITIES
    factors: tuple[float, ...] = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
    """Image sizes, as multiples of the one trained at."""
    timing_seconds: float = 2.0
    """For the rounds in which latencies are taken."""
    optimized: bool = True
    """Whether the network as `parcnet.optimize` freezes it is timed too; freezing takes seconds."""


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
"""A tenth of the work: whether something is wrong, not by how much."""
