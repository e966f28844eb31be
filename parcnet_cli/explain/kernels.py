"""`parcnet explain kernels`: the oversized kernels and their reach."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from parcnet_cli.common.arguments import parse
from parcnet_cli.explain.options import LayerName, NetworkArgument, OutputFiles
from parcnet_cli.explain.output import check_request, open_network, pair, write_outputs

_DESCRIPTION = """\
The vertical and horizontal kernels of one oversized convolution, the equivalent 2-D kernels including the local 7x7,
and through depth: energy over distance, spectrum, symmetry. Needs no image.

  parcnet explain kernels runs/digits-...
  parcnet explain kernels best.safetensors --layer stages.1 --seed 1 -o kernels.svg kernels.npz
"""


@dataclass(frozen=True)
class KernelsOptions:
    """Which kernels."""

    network: NetworkArgument
    """A run folder, a checkpoint, NAME:FILE, or NAME for untrained weights."""
    layer: LayerName = None
    """A stage by number, from 1, or any layer by name; its last oversized convolution is shown. None: stage 3."""
    channels: int = 16
    """Number of channels drawn as strips; twice as many are drawn as 2-D kernels."""
    seed: int = 0
    """Seed of the random choice of channels."""
    output: OutputFiles = (Path("kernels.png"),)
    """Pictures, or .npz for the arrays; several names write several files."""


def run(arguments: Sequence[str]) -> int:
    """Draws and writes; exit code 0. Raises `UserError`."""
    options = parse(KernelsOptions, "explain kernels", _DESCRIPTION, arguments)
    check_request(options.output)

    from parcnet.base import next_steps, table
    from parcnet.explain import oversized_kernels, reach
    from parcnet.explain.pictures import draw_kernels

    network = open_network(options.network)
    strips, tiles = (
        oversized_kernels(network.model, layer=options.layer, channels=channels, seed=options.seed)
        for channels in (options.channels, 2 * options.channels)
    )
    reaches = reach(network.model)
    arrays = {"strips": strips, "tiles": tiles, "reach": reaches}
    write_outputs(options.output, arrays, lambda path: draw_kernels(strips, tiles, reaches, path))
    columns = ("layer", "taps", "mean distance", "untrained", "energy beyond a 7x7", "symmetry", "untrained")
    cells = [
        (
            each.layer,
            f"{2 * len(each.energy_h) - 1}, {2 * len(each.energy_w) - 1}",
            pair(each.distance, "{:.2f}"),
            pair(each.untrained_distance, "{:.2f}"),
            pair(each.beyond_local, "{:.0%}"),
            pair(each.symmetry, "{:.2f}"),
            pair(each.untrained_symmetry, "{:.2f}"),
        )
        for each in reaches
    ]
    table("Reach of the oversized kernels, vertical and horizontal", columns, cells)
    next_steps([(f"parcnet explain erf {shlex.quote(options.network)}", "receptive field of the whole network")])
    return 0
