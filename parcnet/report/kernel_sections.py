"""What became of the oversized kernels, and how far the whole network listens."""

from collections.abc import Sequence

import numpy as np
import torch

from parcnet.base import UserError
from parcnet.base.page import PageTable
from parcnet.explain import Reach, oversized_kernels, reach, receptive_field
from parcnet.explain.kernels import DEFAULT_STAGE, LOCAL_REACH
from parcnet.explain.pictures import reach_charts, receptive_field_charts, strip_charts, tile_charts
from parcnet.report.evaluated_images import EvaluatedImages, spread
from parcnet.report.run_record import RunRecord
from parcnet.report.section import Album, Section

_CHANNELS = 16


def kernels(run: RunRecord, album: Album) -> Section:
    """Strips, reconstructed kernels and reach; nothing of the data is needed."""
    slug, title = "kernels", "Oversized kernels"
    try:
        reached = reach(run.explained.model)
        drawn = oversized_kernels(run.explained.model, layer=_telling(reached), channels=_CHANNELS)
    except UserError as error:
        return Section(slug, title, missing=[str(error)])
    count = len(drawn.channels)
    alts = [
        f"{count} vertical kernels as columns of colour, blue below zero and red above.",
        f"{count} horizontal kernels as rows of colour, blue below zero and red above.",
        f"{count} two-dimensional kernels, the products of the vertical and the horizontal ones.",
        f"The same {count} kernels with the local kernel added in their middle.",
    ]
    shown = [*strip_charts(drawn), *tile_charts(drawn)]
    pictures = [album.chart(chart, alt) for chart, alt in zip(shown, alts, strict=False)]
    said = [
        "Line chart: share of the vertical kernels' energy within a distance, by stage; untrained kernels lie near the "
        "diagonal.",
        "Line chart: power of the vertical kernels by frequency, by stage; untrained kernels lie at 1.",
        "Line chart: mean distance of the kernels' energy through depth; the table has the values.",
        "Line chart: cosine of kernels with their mirror image through depth; the table has the values.",
    ]
    pictures += [album.chart(chart, alt) for chart, alt in zip(reach_charts(reached), said, strict=True)]
    rows = [
        (
            each.layer,
            f"{each.distance[0]:.2f}, {each.distance[1]:.2f}",
            f"{each.untrained_distance[0]:.2f}",
            f"{each.beyond_local[0]:.0%}, {each.beyond_local[1]:.0%}",
            f"{each.symmetry[0]:.2f}, {each.symmetry[1]:.2f}",
        )
        for each in reached
    ]
    columns = ("layer", "mean distance", "untrained", "energy beyond a 7x7", "symmetry")
    longer = [each for each in reached if len(each.energy_h) > 1 and len(each.energy_w) > 1] or list(reached)
    far = float(np.mean([each.distance for each in longer]))
    white = float(np.mean([each.untrained_distance for each in longer]))
    moved = "brought it nearer" if far < white - 0.02 else "moved it away" if far > white + 0.02 else "left it there"
    text = [
        f"Kernels of {drawn.layer}, {count} channels drawn at random; the curves and the table are of all channels of "
        f"all {len(reached)} layers, vertical and horizontal. The mean distance of the energy, over the layers of more "
        f"than one place, is {far:.2f} of the farthest, and {white:.2f} in untrained kernels: training has {moved}."
    ]
    table = PageTable("reach of the oversized kernels", columns, rows)
    return Section(slug, title, text, tables=[table], pictures=pictures)


def _telling(reached: Sequence[Reach]) -> str:
    """The deepest layer, up to the third stage (which the supplement draws), whose kernels outreach a 7x7."""
    early = [each for each in reached if each.stage is None or each.stage <= DEFAULT_STAGE] or list(reached)
    far = [each for each in early if len(each.energy_h) > LOCAL_REACH + 1]
    return (far or early[:1])[-1].layer


def field(
    run: RunRecord, evaluated: EvaluatedImages | None, why_not: str, limit: int, device: torch.device, album: Album
) -> Section:
    """The effective receptive field over images of the split."""
    slug, title = "field", "Effective receptive field"
    if evaluated is None:
        return Section(slug, title, missing=[why_not])
    transform = run.explained.preprocessing.transform()
    numbers = evaluated.numbers[spread(len(evaluated.numbers), limit)]
    tensors = torch.stack([transform(evaluated.images.image(int(number))) for number in numbers])
    try:
        found = receptive_field(run.explained.model, tensors, device=device)
    except UserError as error:
        return Section(slug, title, missing=[str(error)])
    rows = [
        (measure, *(f"{each.side} px, {each.area:.1%}" for each in squares))
        for measure, squares in (("log10(P + 1)", found.squares), ("P", found.raw_squares))
    ]
    table = PageTable("squares", ("share of", *(f"{each.share:.0%}" for each in found.squares)), rows)
    half = found.raw_squares[2]
    alts = [
        f"Map of the contribution of each pixel to the middle of {found.layer}, with the squares of the table.",
        f"Line chart: half of the contribution lies within a square of {half.area:.1%} of the image, "
        f"{found.raw_squares[3].share:.0%} within {found.raw_squares[3].area:.1%}.",
    ]
    charts = receptive_field_charts([(run.explained.name, found)])
    text = [
        f"Contribution P of each pixel to the middle of {found.layer}, mean over {found.images} images: the smallest "
        f"square around the middle that holds a share of it, its side and its share of the image. Half of P lies "
        f"within a square of {half.side} px a side."
    ]
    pictures = [album.chart(chart, alt) for chart, alt in zip(charts, alts, strict=True)]
    return Section(slug, title, text, tables=[table], pictures=pictures)
