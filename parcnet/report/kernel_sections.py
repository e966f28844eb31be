"""Sections on the oversized kernels and the effective receptive field."""

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
    """1D kernels, composed 2D kernels and reach; needs no data."""
    slug, title = "kernels", "Oversized kernels"
    try:
        reached = reach(run.explained.model)
        drawn = oversized_kernels(run.explained.model, layer=_representative(reached), channels=_CHANNELS)
    except UserError as error:
        return Section(slug, title, missing=[str(error)])
    count = len(drawn.channels)
    alts = [
        f"{count} vertical kernels as columns, blue for negative and red for positive weights.",
        f"{count} horizontal kernels as rows, blue for negative and red for positive weights.",
        f"{count} 2D kernels, the products of the vertical and the horizontal kernels.",
        f"The same {count} kernels with the local kernel added at the centre.",
    ]
    shown = [*strip_charts(drawn), *tile_charts(drawn)]
    pictures = [album.chart(chart, alt) for chart, alt in zip(shown, alts, strict=False)]
    reach_alts = [
        "Line chart: share of the vertical kernels' energy within a distance, by stage; untrained kernels lie near the "
        "diagonal.",
        "Line chart: power spectrum of the vertical kernels, by stage; untrained kernels are flat at 1.",
        "Line chart: mean distance of the kernels' energy by depth; the table has the values.",
        "Line chart: cosine similarity of kernels and their mirror images by depth; the table has the values.",
    ]
    pictures += [album.chart(chart, alt) for chart, alt in zip(reach_charts(reached), reach_alts, strict=True)]
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
    trained = float(np.mean([each.distance for each in longer]))
    untrained = float(np.mean([each.untrained_distance for each in longer]))
    change = "less" if trained < untrained - 0.02 else "more" if trained > untrained + 0.02 else "about as much"
    text = [
        f"Kernels of {drawn.layer}, {count} random channels; curves and table cover all channels of all {len(reached)} "
        f"layers, vertical and horizontal. The mean distance of the energy, relative to the largest distance, is "
        f"{trained:.2f}, compared with {untrained:.2f} for untrained kernels: trained kernels reach {change}."
    ]
    table = PageTable("reach of the oversized kernels", columns, rows)
    return Section(slug, title, text, tables=[table], pictures=pictures)


def _representative(reached: Sequence[Reach]) -> str:
    """The deepest layer, up to the third stage (drawn in the supplement), with kernels longer than 7 taps."""
    early = [each for each in reached if each.stage is None or each.stage <= DEFAULT_STAGE] or list(reached)
    far = [each for each in early if len(each.energy_h) > LOCAL_REACH + 1]
    return (far or early[:1])[-1].layer


def field(
    run: RunRecord, evaluated: EvaluatedImages | None, why_not: str, limit: int, device: torch.device, album: Album
) -> Section:
    """The effective receptive field on images of the split."""
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
        f"Map of the contribution of each pixel to the centre of {found.layer}, with the squares of the table.",
        f"Line chart: half of the contribution lies within a square of {half.area:.1%} of the image, "
        f"{found.raw_squares[3].share:.0%} within {found.raw_squares[3].area:.1%}.",
    ]
    charts = receptive_field_charts([(run.explained.name, found)])
    text = [
        f"Contribution P of each pixel to the centre of {found.layer}, mean over {found.images} images. The table "
        f"lists side and area of the smallest centred square that contains a share of it. Half of P lies within "
        f"{half.side} x {half.side} px."
    ]
    pictures = [album.chart(chart, alt) for chart, alt in zip(charts, alts, strict=True)]
    return Section(slug, title, text, tables=[table], pictures=pictures)
