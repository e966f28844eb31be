"""Options and progress of the measurements that compare our networks with their peers."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from parcnet_cli.bench.measurement import MeasurementOptions


@dataclass(frozen=True)
class NetworkOptions(MeasurementOptions):
    """Which networks."""

    tag: tuple[str, ...] = ("tiny", "small", "base")
    """Sizes: each TAG compares parcnetv2_TAG."""
    peers: tuple[str, ...] = ("convnext",)
    """Compared with: `convnext` is the ConvNeXt of the same tag; any other name is a timm network."""
    size: int = 224
    """Image side in px."""


def measure_networks(
    title: str,
    options: NetworkOptions,
    steps: int,
    measure: Callable[[Callable[[int, str], None]], Iterable[list[dict[str, Any]]]],
) -> list[dict[str, Any]]:
    """The rows that `measure(advance)` yields, with a progress bar of `steps` steps per network."""
    from parcnet.base import progress
    from parcnet_lab.bench.networks import contenders

    compared = [contenders(tag, options.size, options.peers) for tag in options.tag]  # rejects wrong names at once
    with progress(title, steps * sum(map(len, compared)), "networks" if steps == 1 else "processes") as advance:
        return [row for rows in measure(advance) for row in rows]
