"""`parcnet explain`: visual explanations of a network."""

from collections.abc import Sequence

from parcnet_cli.common.subcommands import run_subcommand

HELP = """\
parcnet explain: visual explanations of a network, as pictures (.png, .svg, .pdf) and as arrays (.npz).

  parcnet explain gradcam NETWORK IMAGE...    Grad-CAM of a class, next to that of another network
  parcnet explain kernels NETWORK             oversized kernels as strips and as 2-D kernels, and their reach
  parcnet explain erf NETWORK IMAGE...        effective receptive field on real images, next to any timm network's
  parcnet explain gates NETWORK IMAGE...      maps of the spatial gates, and how often they close in each stage
  parcnet explain position NETWORK IMAGE...   how well position can be decoded from the features of each stage

NETWORK is a run folder or a checkpoint; NAME:FILE, a network of ours or timm's with its authors' weights; or NAME
alone, untrained. IMAGE is a file or a folder; a network trained on the embedded digits needs none.
`parcnet explain SUBCOMMAND --help` shows every option.
"""

SUBCOMMANDS = {
    "gradcam": "parcnet_cli.explain.gradcam",
    "kernels": "parcnet_cli.explain.kernels",
    "erf": "parcnet_cli.explain.receptive_field",
    "gates": "parcnet_cli.explain.gates",
    "position": "parcnet_cli.explain.position",
}


def run(arguments: Sequence[str]) -> int:
    """Explains, draws and writes; returns the exit code. Raises `UserError`."""
    return run_subcommand("explain", HELP, SUBCOMMANDS, arguments)
