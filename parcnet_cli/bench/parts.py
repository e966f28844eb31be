"""`parcnet bench merge` and `parcnet bench profile`: what the parts of a network take."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from parcnet_cli.bench.arguments import Common, Networks
from parcnet_cli.bench.command import finish, prepare, result_of
from parcnet_cli.common.arguments import parse

_MERGE = """\
Supplement H merges the oversized and the local convolution into one dense kernel and says that the last three stages
gain. This times the mix of each stage apart, merged, and as products with constant matrices, each proven equal first.

  parcnet bench merge --tag tiny --batch 1             ten seconds on two cores
  parcnet bench merge --output benchmarks/results
"""
_PROFILE = """\
Where the time of one forward pass goes: 1x1 convolutions, depthwise ones, stem and downsampling, all else; and the
floor, multiply-adds over the machine's measured rate. Ours as parcnet.optimize makes it, peers eager, channels_last.

  parcnet bench profile --tag tiny                     half a minute on two cores
  parcnet bench profile --output benchmarks/results
"""


@dataclass(frozen=True)
class Merge(Common):
    """Which networks."""

    tag: tuple[str, ...] = ("tiny", "base")
    """Sizes: the stages of parcnetv2_TAG."""
    batch: tuple[int, ...] = (1, 8)
    """Images at a time."""
    size: int = 224
    """Image side in pixels."""
    seconds: float = 1.0
    """Budget of a stage; at least five rounds are made."""


@dataclass(frozen=True)
class Profile(Networks):
    """Which networks, in which batch."""

    batch: int = 1
    """Images at a time."""
    passes: int = 20
    """Forward passes that are averaged."""


def _merge(arguments: Sequence[str]) -> int:
    asked = parse(Merge, "bench merge", _MERGE, arguments)
    device, dtype = prepare(asked)

    from parcnet.base import progress, unknown
    from parcnet_lab.bench import merge
    from parcnet_lab.bench.networks import TAGS

    for tag in asked.tag:
        if tag not in (known := ("xt", *TAGS)):
            raise unknown("tag", tag, known)
    with progress("timing stages", 4 * len(asked.tag) * len(asked.batch), "stages") as advance:
        rows = list(merge.measure(asked.tag, asked.batch, asked.size, device, dtype, asked.seconds, advance))
    settings = {"image": asked.size, "seconds": asked.seconds}
    notes = ["separate: H pass, W pass and 7x7; toeplitz: products with constants; merged: one (2H-1)x(2W-1) kernel"]
    return finish(asked, result_of(asked, "merge", arguments, device, rows, settings, notes))


def _profile(arguments: Sequence[str]) -> int:
    asked = parse(Profile, "bench profile", _PROFILE, arguments)
    device, dtype = prepare(asked)

    from parcnet.base import progress
    from parcnet_lab.bench import profile
    from parcnet_lab.bench.networks import contenders

    total = sum(len(contenders(tag, asked.size, asked.peers)) for tag in asked.tag)
    with progress("profiling", total, "networks") as advance:
        options = (asked.tag, asked.batch, asked.size, asked.peers, device, dtype, asked.passes, advance)
        rows = list(profile.measure(*options))
    settings = {"image": asked.size, "passes": asked.passes}
    notes = ["ours optimized, peers eager; floor: multiply-adds over the measured ceiling of matrix products"]
    return finish(asked, result_of(asked, "profile", arguments, device, rows, settings, notes))


MEASUREMENTS: dict[str, Callable[[Sequence[str]], int]] = {"merge": _merge, "profile": _profile}
"""What is measured here, by its name on the command line."""
