"""`parcnet explain erf`: the effective receptive field."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from parcnet_cli.common.arguments import parse
from parcnet_cli.explain.options import ImageOptions, LayerName, OutputFiles
from parcnet_cli.explain.output import check_request, open_network, write_outputs

_DESCRIPTION = """\
The effective receptive field: the contribution of every pixel to the centre of the last map, averaged over real images,
and the area that holds 20, 30, 50 and 99 % of the contribution, as RepLKNet reports it.

  parcnet explain erf runs/digits-...
  parcnet explain erf best.safetensors photos/ --compare resnet50:resnet50.pth --img-size 512 512 -o erf.png
"""


@dataclass(frozen=True)
class ReceptiveFieldOptions(ImageOptions):
    """Which networks, layer and images."""

    layer: LayerName = None
    """A stage by number, from 1, or any layer by name. None: the last stage. Applies to the first network only."""
    compare: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME[:FILE]")] = ()
    """Other networks to compare, each at its last stage and at the same image size."""
    limit: int = 50
    """Maximum number of images; the first in order."""
    output: OutputFiles = (Path("erf.png"),)
    """Pictures, or .npz for the arrays; several names write several files."""


def run(arguments: Sequence[str]) -> int:
    """Explains, draws and writes; exit code 0. Raises `UserError`."""
    options = parse(ReceptiveFieldOptions, "explain erf", _DESCRIPTION, arguments)
    check_request(options.output)

    from parcnet.base import next_steps, pick_device, table
    from parcnet.explain import ReceptiveField, read_images, receptive_field
    from parcnet.explain.pictures import draw_receptive_field

    device = pick_device(options.device)
    fields: list[tuple[str, ReceptiveField]] = []
    first = open_network(options.network, options.img_size)
    others = [open_network(text, first.preprocessing.size) for text in options.compare]
    for network in (first, *others):
        images = read_images(network, options.images, limit=options.limit, data=first.data)
        layer = options.layer if not fields else None
        field = receptive_field(network.model, images.tensor, layer=layer, device=device, dtype=options.dtype)
        fields.append((network.title, field))
    arrays = {str(index): {"network": name, "field": field} for index, (name, field) in enumerate(fields)}
    write_outputs(options.output, arrays, lambda path: draw_receptive_field(fields, path))
    cells = [
        (name, field.layer, measure, *(f"{each.side} px, {each.area:.1%}" for each in squares))
        for name, field in fields
        for measure, squares in (("log10(P + 1)", field.squares), ("P", field.raw_squares))
    ]
    fractions = [f"{each.share:.0%}" for each in fields[0][1].squares]
    table("Smallest square that holds a fraction of the contribution P", ("network", "layer", "of", *fractions), cells)
    command = f"parcnet explain position {shlex.quote(options.network)}"
    next_steps([(command, "how well features encode their position")])
    return 0
