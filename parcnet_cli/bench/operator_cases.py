"""Timing the cases of a grid of operators, with progress: shared by `ops`, `scaling` and `tune`."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from parcnet_lab.bench.grid import Case


def measured_cases(cases: "Sequence[Case]", device: "torch.device", seconds: float) -> "Iterator[dict[str, Any]]":
    """Yields the row of each case as soon as it is measured; warns of algorithms whose output is wrong.

    `seconds` is the budget of a case.
    """
    from parcnet.base import progress, warn
    from parcnet_lab.bench import ops

    with progress("timing operators", len(cases), "cases") as advance:
        for case, row in zip(cases, ops.measure(cases, device, seconds), strict=True):
            advance(1, str(case))
            for name, reason in row["wrong"].items():
                warn(f"{name} is not timed on {case}: {reason}")
            yield row


def omitted(cases: "Sequence[Case]") -> list[str]:
    """The note on cases that exceed the memory limit; empty when there are none."""
    from parcnet_lab.bench import grid

    limit = f"{grid.MEMORY_LIMIT / 2**30:.0f} GiB"
    return [f"left out, above {limit}: {', '.join(map(str, cases))}"] if cases else []
