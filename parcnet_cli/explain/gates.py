"""`parcnet explain gates`: the gates of the spatial gate units."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from parcnet_cli.common.arguments import parse
from parcnet_cli.explain.options import ImageOptions, OutputFiles
from parcnet_cli.explain.output import check_request, open_network, write_outputs

_DESCRIPTION = """\
The gates of the spatial gate units as maps, and how often they close in each unit.

  parcnet explain gates runs/digits-...
  parcnet explain gates best.safetensors photos/ -o gates.png gates.npz
"""


@dataclass(frozen=True)
class GatesOptions(ImageOptions):
    """Which network and images."""

    threshold: float = 0.1
    """A gate counts as closed below this fraction of its channel's root mean square."""
    limit: int = 16
    """Maximum number of images; the first in order."""
    output: OutputFiles = (Path("gates.png"),)
    """Pictures, or .npz for the arrays; several names write several files."""


def run(arguments: Sequence[str]) -> int:
    """Explains, draws and writes; exit code 0. Raises `UserError`."""
    options = parse(GatesOptions, "explain gates", _DESCRIPTION, arguments)
    check_request(options.output)

    from parcnet.base import next_steps, pick_device, table
    from parcnet.explain import gates, read_images
    from parcnet.explain.pictures import draw_gates

    network = open_network(options.network, options.img_size)
    images = read_images(network, options.images, limit=options.limit)
    device = pick_device(options.device)
    result = gates(network.model, images.tensor, threshold=options.threshold, device=device, dtype=options.dtype)
    arrays = {"gates": result, "pictures": images.pictures, "names": images.names}
    write_outputs(options.output, arrays, lambda path: draw_gates(network.title, images, result, path))
    cells = [
        (each.layer, "x".join(map(str, each.maps.shape[1:])), f"{each.closed:.1%}", f"{each.negative:.1%}")
        for each in result.gates
    ]
    table(f"Spatial gates on {len(images.names)} images", ("unit", "map", "closed", "negative"), cells)
    next_steps([(f"parcnet explain kernels {shlex.quote(options.network)}", "the oversized kernels of each stage")])
    return 0
