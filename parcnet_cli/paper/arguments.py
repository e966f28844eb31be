"""The options of `parcnet paper`, and what its help says."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

HELP = """\
parcnet paper: the tables and figures of the ParCNetV2 papers, printed beside what is counted and drawn here, and their
claims as experiments. Texts: iccv (ICCV 2023), supp (its supplement), arxiv (arXiv v1).

  parcnet paper list                    every table and figure: its command, what it needs, its state here
  parcnet paper iccv-table2             a table: printed values, our counts, the difference, the recipe of each row
  parcnet paper iccv-figure3 -o FILE    a figure, drawn from the networks themselves
  parcnet paper contradictions          where the texts contradict themselves, and what is done here
  parcnet paper claims                  the papers' claims as experiments of minutes

Accuracies are always the authors'; nothing here was trained on ImageNet. `parcnet paper WHAT --help` shows the options.
"""

LIST = """\
Lists the 17 tables and 15 figures of the three texts. `counted` and `measured` are had here, `recipe only` needs data
and GPUs, `not reproducible` says why.

  parcnet paper list
  parcnet paper list --markdown
"""

CONTRADICTIONS = """\
Where the texts contradict themselves, each other or the released code, and what this library does.

  parcnet paper contradictions
  parcnet paper contradictions --markdown -o docs/paper_and_code.md
"""

TABLE = """\
{title}. Prints each row's values as the paper has them, our counted parameters and multiply-adds, and the difference.

  parcnet paper {name}
  parcnet paper {name} --json
  parcnet paper {name} -o {name}.md
"""

FIGURE = """\
{title}. Drawn from the networks themselves, not copied from the paper.

  parcnet paper {name} -o {name}.png
  parcnet paper {name} -o {name}.svg
"""


@dataclass(frozen=True)
class Print:
    """How to print."""

    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """JSON instead of a table."""
    markdown: bool = False
    """Markdown instead of a table."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Write it to this file instead; .md and .json say which of the two."""


@dataclass(frozen=True)
class Figure:
    """What to draw, and where."""

    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """The picture: .png, .svg, .pdf or another format of matplotlib."""
    checkpoint: Path | None = None
    """Draw a trained network: a .safetensors file of ours, or a run folder. For the figures of kernels."""
    results: Path = Path("benchmarks/results")
    """Where `parcnet bench models` keeps its results. For the figures of latency."""
    measure: bool = False
    """Measure latency now, one image at a time, instead of reading results: about a minute. For the same figures."""
    device: str = "auto"
    """Where to measure: auto, cpu, cuda, cuda:N or mps."""
