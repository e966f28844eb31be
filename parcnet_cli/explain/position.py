"""`parcnet explain position`: positional information in the features."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from parcnet_cli.common.arguments import parse
from parcnet_cli.explain.options import ImageOptions, OutputFiles
from parcnet_cli.explain.output import check_request, open_network, pair, write_outputs

_DESCRIPTION = """\
Predicts row and column from each stage's features with a linear probe, on images that the probe was not fitted to, and
again after shifting the images: do features encode the position in the frame, or in the image content?

  parcnet explain position runs/mine photos/
  parcnet explain position best.safetensors photos/ --shift 64 -o position.png
"""


@dataclass(frozen=True)
class PositionOptions(ImageOptions):
    """Which network and images."""

    shift: int | None = None
    """Shift of the images in px, a multiple of the last stage's reduction. None: the reduction itself."""
    limit: int = 100
    """Maximum number of images; the first in order. The probe is fitted to half of them."""
    output: OutputFiles = (Path("position.png"),)
    """Pictures, or .npz for the arrays; several names write several files."""


def run(arguments: Sequence[str]) -> int:
    """Explains, draws and writes; exit code 0. Raises `UserError`."""
    options = parse(PositionOptions, "explain position", _DESCRIPTION, arguments)
    check_request(options.output)

    from parcnet.base import next_steps, pick_device, say, table
    from parcnet.explain import position, read_images
    from parcnet.explain.pictures import draw_position
    from parcnet.explain.target_layers import stages

    network = open_network(options.network, options.img_size)
    reduction = max((stage.reduction for stage in stages(network.model)), default=1)
    margin = max(reduction if options.shift is None else options.shift, 0)
    images = read_images(network, options.images, limit=options.limit, margin=margin)
    device = pick_device(options.device)
    result = position(network.model, images.tensor, shift=options.shift, device=device, dtype=options.dtype)
    write_outputs(options.output, {"position": result}, lambda path: draw_position(network.title, result, path))
    cells = [
        (
            each.stage,
            "x".join(map(str, each.error.shape)),
            pair(each.r2, "{:.2f}"),
            pair(each.r2_shifted, "{:.2f}"),
            pair(each.follows, "{:.2f}"),
            f"{each.error.mean():.1%}",
        )
        for each in result.probes
    ]
    columns = ("features", "map", "R²", f"R², shifted by {result.shift} px", "follows the frame", "mean error")
    table(f"Position, row and column, on {result.tested} images (fitted to {result.fitted})", columns, cells)
    for name in result.skipped:
        say(f"{name} is left out: after the shift its map is less than 2 px high or wide")
    next_steps([(f"parcnet explain erf {shlex.quote(options.network)}", "receptive field of the whole network")])
    return 0
