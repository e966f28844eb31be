"""The options of `parcnet bench`, a dataclass for each measurement."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

RESULTS = "benchmarks/results"


@dataclass(frozen=True)
class Common:
    """Where to measure, and what to do with the result."""

    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    dtype: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Precision of what is timed."""
    threads: int | None = None
    """CPU threads. None: as many as torch takes by itself."""
    output: Path | None = None
    """Keep the result: a .json file, or a folder in which it gets its usual name."""
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """One JSON object instead of tables."""


@dataclass(frozen=True)
class Ops(Common):
    """Which operators."""

    full: bool = False
    """The whole grid instead of the quick one: 98 cases in fp32, about an hour on two cores."""
    channels: tuple[int, ...] = ()
    """Channels, e.g. --channels 64 320. None given: those of the grid."""
    size: tuple[str, ...] = ()
    """Maps, e.g. --size 56 200x334. None given: those of the grid."""
    batch: tuple[int, ...] = ()
    """Batches. None given: those of the grid."""
    training: bool = False
    """Time forward and backward (all three gradients) instead of inference."""
    layout: Literal["channels_last", "nchw"] = "channels_last"
    """Memory of the maps; an algorithm that works in the other one pays for both changes."""
    seconds: float = 0.5
    """Budget of a case; at least five rounds are made, unless a round takes long."""


@dataclass(frozen=True)
class Networks(Common):
    """Which networks."""

    tag: tuple[str, ...] = ("tiny", "small", "base")
    """Sizes: parcnetv2_TAG is compared."""
    peers: tuple[str, ...] = ("convnext",)
    """With what: `convnext` is the ConvNeXt of the same tag; or any name that timm knows."""
    size: int = 224
    """Image side in pixels."""


@dataclass(frozen=True)
class Models(Networks):
    """Which networks, in which forms."""

    batch: tuple[int, ...] = (1, 8)
    """Images at a time."""
    forms: tuple[str, ...] = ("eager", "compiled", "optimized", "plain")
    """eager; compiled (torch.compile with freezing); and of ours: optimized (parcnet.optimize), inductor (the same
    with engine="inductor"; not timed unless asked for, as it compiles once more), plain (NCHW memory throughout); and
    openvino, exported and run by OpenVINO, both sides, fp32 on a CPU."""
    seconds: float = 6.0
    """Budget of the rounds of one tag and batch; at least five rounds are made, compiling comes on top."""


@dataclass(frozen=True)
class Train(Networks):
    """Which networks, in which batch."""

    batch: int = 32
    """Images a step."""
    forms: tuple[str, ...] = ("eager",)
    """eager, compiled (torch.compile; minutes more, and twice the memory)."""
    seconds: float = 10.0
    """Budget of one tag; at least five rounds are made."""


@dataclass(frozen=True)
class Memory(Networks):
    """Which networks, in which batch."""

    batch: int = 1
    """Images at a time; the paper's Tab. 7 has one."""
    repeats: int = 3
    """Fresh processes a network."""
    form: Literal["eager", "optimized"] = "eager"
    """How ours is run; the peers are eager."""


@dataclass(frozen=True)
class Scaling(Common):
    """Which maps."""

    size: tuple[int, ...] = (14, 28, 56, 112, 224)
    """Sides of square maps."""
    channels: int = 64
    """Channels."""
    batch: int = 1
    """Maps at a time."""
    training: bool = False
    """Time forward and backward instead of inference."""
    seconds: float = 1.0
    """Budget of a side."""
    plot: Path | None = None
    """Draw the curves into this file, e.g. scaling.png."""


@dataclass(frozen=True)
class Tune(Common):
    """Which part of the table to measure."""

    quick: bool = False
    """The quick grid: to see that it works, not to publish."""
    mode: Literal["both", "inference", "training"] = "both"
    """Forward and backward, forward alone, or first one and then the other."""
    layout: Literal["both", "channels_last", "nchw"] = "both"
    """Memory of the maps."""
    largest: float = 100.0
    """Leave out cases of more than so many G floating point operations; the nearest case decides for larger ones."""
    seconds: float = 0.3
    """Budget of a case."""
    table: Path | None = None
    """Where the table is written; kinds (dtype, training, layout) not measured now stay. None: the one in use, which
    came with the package."""


@dataclass(frozen=True)
class Seeds(Common):
    """Which recipe."""

    recipe: str = "digits"
    """A packaged name or a YAML file, as for `parcnet train -c`."""
    data_dir: str | None = None
    """As for `parcnet train --data-dir`; None: what the recipe says."""
    seeds: int = 5
    """Runs, with seeds 0, 1, 2, ..."""
    peers: tuple[str, ...] = ()
    """Beside it by the same recipe, in turns: `convnext` and `resnet`, timm's with as many parameters as
    parcnetv2_digits; or any name that timm knows."""


@dataclass(frozen=True)
class Tables:
    """Which Markdown files."""

    paths: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FILE|FOLDER...")]
    """Markdown files; a folder stands for every .md file below it."""
    check: bool = False
    """Change nothing; exit code 1 and the names of the files whose tables are not those of the result files."""
    write: bool = False
    """Fill the text between <!-- bench:NAME --> and <!-- /bench --> from RESULTS/NAME.json; NAME/VIEW for others."""
    results: Path = Path(RESULTS)
    """Folder of the result files."""
