"""What was found, drawn: arrays in, picture out. Colours are told apart with every kind of colour vision."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parcnet.explain.cam_methods import METHODS
from parcnet.explain.receptive_field import SHARES, Field, growth
from parcnet.explain.gates import CLOSED, CLOSED_AT_RANDOM, Gates
from parcnet.explain.gradcam import GradCam
from parcnet.explain.kernels import Kernels, Reach
from parcnet.explain.position import Position
from parcnet.explain.explained_model import Images
from parcnet.plots.lines import Line, LineChart
from parcnet.plots.maps import MapChart, mosaic
from parcnet.plots.overlays import OverlayRow, overlay_rows
from parcnet.plots.panels import Panel
from parcnet.plots.sheet import sheet

_IMAGES = 4
"""Rows of gate maps in a picture; the arrays have all."""
_TILES = 8
"""Two-dimensional kernels in a row."""


def draw_gradcam(
    rows: Sequence[tuple[str, Images, GradCam, Sequence[str]]], path: str | Path, originals: Images
) -> list[str]:
    """Images above, then a row a network: its title, what it saw, its maps, the names of the explained classes."""
    drawn = [OverlayRow("image", list(originals.pictures), names=originals.names)]
    for title, seen, found, classes in rows:
        names = [f"{name} ({share:.1%})" for name, share in zip(classes, found.probabilities, strict=True)]
        drawn.append(OverlayRow(title, list(seen.pictures), list(found.heat), names))
    name, light = METHODS[rows[0][2].method]
    layers = "; ".join(f"{title}: {found.layer}" for title, _, found, _ in rows)
    caption = (
        f"{name}: {light}. Above each map its class and how sure the network is; each map divided by its largest "
        f"value. Layer of {layers}."
    )
    dark = [title for title, _, found, _ in rows if not found.maps.any(axis=(1, 2)).all()]
    if dark:
        caption += f" A map of {', '.join(dark)} that is dark throughout is nowhere above zero."
    overlay_rows(drawn, path, caption, "share of the largest value")
    return [caption]


def draw_kernels(strips: Kernels, tiles: Kernels, reached: Sequence[Reach], path: str | Path) -> list[str]:
    """Strips and reconstructed kernels of one layer, and the reach of all layers."""
    caption = (
        f"Kernels of {strips.layer}, channels drawn at random. Below, all channels of all {len(reached)} oversized "
        "layers. Energy: share of the squared weights within a distance, 1 being the farthest place; untrained kernels "
        "lie near the diagonal. Power: 1 at every frequency for untrained kernels, above 1 where kernels concentrate. "
        "Symmetry: cosine between a kernel and its mirror image."
    )
    sheet([strip_charts(strips), tile_charts(tiles), reach_charts(reached)], path, caption)
    return [caption]


def strip_charts(found: Kernels) -> list[MapChart]:
    """The vertical kernels as columns, the horizontal ones as rows."""
    high, wide = found.vertical.shape[1] // 2, found.horizontal.shape[1] // 2
    count = len(found.channels)
    return [
        MapChart(
            Panel("vertical kernels", found.vertical.T, "signed"),
            x_label=f"{count} channels",
            y_label="rows from the output, places",
            bar="weight",
            extent=(0.5, count + 0.5, high + 0.5, -high - 0.5),
            stretched=True,
            width=6.4,
        ),
        MapChart(
            Panel("horizontal kernels", found.horizontal, "signed"),
            x_label="columns from the output, places",
            y_label=f"{count} channels",
            bar="weight",
            extent=(-wide - 0.5, wide + 0.5, count + 0.5, 0.5),
            stretched=True,
            width=6.4,
        ),
    ]


def tile_charts(found: Kernels) -> list[MapChart]:
    """The two-dimensional kernels that the strips amount to, without and with the local one."""
    charts = [_tiles("vertical x horizontal", found.vertical[:, :, None] * found.horizontal[:, None, :])]
    if found.local is not None:
        charts.append(_tiles("vertical x horizontal + local", found.merged))
    return charts


def draw_field(found: Sequence[tuple[str, Field]], path: str | Path) -> list[str]:
    """A heat map with RepLKNet's squares for each network, and how the share grows with the square."""
    caption = (
        "Effective receptive field: contribution P of each pixel to the middle of the map named above it, mean over "
        f"{found[0][1].images} images. The squares are the smallest around the middle to hold "
        f"{', '.join(f'{share:.0%}' for share in SHARES)} of log10(P + 1), as RepLKNet reports them; the curves show P "
        "itself, on which the scale of the gradients has no influence."
    )
    sheet([field_charts(found)], path, caption)
    return [caption]


def field_charts(found: Sequence[tuple[str, Field]]) -> list[MapChart | LineChart]:
    """A map for each network, then the curves of all."""
    maps = [
        MapChart(
            Panel(f"{title}, {field.layer}", field.score, "amount", 1.0),
            x_label="column, px",
            y_label="row, px",
            bar="log10(P + 1), share of the largest",
            squares=tuple((each.side, f"{each.share:.0%}") for each in field.squares),
            width=3.9,
            height=3.4,
        )
        for title, field in found
    ]
    curves = {title: _growth(field) for title, field in found}
    shares = LineChart(curves, "square around the middle, % of the image", "contribution P inside, %", "share by area")
    return [*maps, shares]


def draw_gates(title: str, seen: Images, found: Gates, path: str | Path) -> list[str]:
    """The gate of each stage's last unit on the first images, and how often every unit's gate closes."""
    last = {gate.stage: gate for gate in found.gates}
    rows = []
    for index, picture in enumerate(seen.pictures[:_IMAGES]):
        row = [MapChart(Panel(seen.names[index], picture), ticks=False, width=2.1, height=2.2)]
        row += [
            MapChart(
                Panel(gate.layer, gate.maps[index], "amount", 2.0),
                bar="mean |g| / rms" if stage == max(last, key=lambda each: each or 0) else "",
                ticks=False,
                width=2.1,
                height=2.2,
            )
            for stage, gate in last.items()
        ]
        rows.append(row)
    numbers = list(range(1, len(found.gates) + 1))
    closed = Line(numbers, [100 * gate.closed for gate in found.gates])
    negative = Line(numbers, [100 * gate.negative for gate in found.gates])
    level = 100 * CLOSED_AT_RANDOM
    charts = [
        LineChart(
            {"closed": closed},
            "unit, from the image on",
            "closed gates, %",
            "how often gates close",
            ticks=_few(numbers),
            baseline=(level, f"normal distribution, {level:.0f} %") if found.threshold == CLOSED else None,
            from_zero=True,
        ),
        LineChart(
            {"negative": negative},
            "unit, from the image on",
            "negative gates, %",
            "how often gates turn signs",
            ticks=_few(numbers),
            from_zero=True,
        ),
    ]
    caption = (
        f"Spatial gates of {title} on {len(seen.names)} images: size of the gate, mean over channels, each divided by "
        "its root mean square over images and places (1 is usual, light is closed). Closed: below "
        f"{found.threshold:g} of that."
    )
    sheet([*rows, charts], path, caption)
    return [caption]


def draw_position(title: str, found: Position, path: str | Path) -> list[str]:
    """R² and what follows a shift by stage, and where each probe errs."""
    names = ["pixels", *(probe.stage for probe in found.probes[1:])]
    at = list(range(len(names)))

    def lines(field: str) -> tuple[Line, Line]:
        pairs = np.array([getattr(probe, field) for probe in found.probes])
        return Line(at, pairs[:, 0].tolist()), Line(at, pairs[:, 1].tolist())

    r2, shifted, follows = lines("r2"), lines("r2_shifted"), lines("follows")
    charts = [
        LineChart(
            {"row": r2[0], "column": r2[1], "row, moved": shifted[0], "column, moved": shifted[1]},
            "features of",
            "R² on other images",
            "place read from the features",
            at,
            names,
        ),
        LineChart(
            {"row": follows[0], "column": follows[1]},
            "features of",
            f"share of a move by {found.shift} px followed",
            "frame (1) or content (0)",
            at,
            names,
        ),
    ]
    maps = [
        MapChart(
            Panel(name, probe.error, "amount", 0.5),
            x_label="column, places",
            y_label="row, places",
            bar="mean error, share of a side" if place == len(names) - 1 else "",
            width=2.3,
            height=2.5,
        )
        for place, (name, probe) in enumerate(zip(names, found.probes, strict=True))
    ]
    caption = (
        f"Position in the features of {title}: ridge regression from the features at a place to its row and column, "
        f"fitted to {found.fitted} images, tested on {found.tested} others. R² is 1 for a perfect answer, 0 for the "
        "mean place. Below, where the prediction errs."
    )
    sheet([charts, maps], path, caption)
    return [caption]


def _tiles(title: str, kernels: NDArray[np.float32]) -> MapChart:
    """Two-dimensional kernels [n, k, l], side by side, each on a scale of its own."""
    count, height, width = kernels.shape
    return MapChart(
        Panel(title, mosaic(kernels, _TILES), "signed", 1.0),
        x_label=f"{count} channels, each over columns from -{width // 2} to {width // 2} places",
        y_label=f"rows from -{height // 2} to {height // 2} places",
        bar="share of the kernel's largest weight",
        ticks=False,
        width=6.4,
        height=max(0.62 * -(-count // _TILES) * height / width + 0.9, 2.2),
    )


def _growth(field: Field) -> Line:
    inside, area = growth(field.contribution)
    chosen = np.unique(np.linspace(0, len(inside) - 1, 20).round().astype(int))
    return Line((100 * area[chosen]).tolist(), (100 * inside[chosen]).tolist())


def reach_charts(reached: Sequence[Reach]) -> list[LineChart]:
    """Energy against distance and spectrum by stage; mean distance and symmetry through depth."""
    stages = list(dict.fromkeys(each.stage for each in reached))
    within, power = {}, {}
    for stage in stages:
        several = [each for each in reached if each.stage == stage]
        energy = np.mean([each.energy_h for each in several], axis=0)
        spectrum = np.mean([each.spectrum_h for each in several], axis=0)
        length = 2 * len(energy) - 1
        white = np.where(np.arange(len(spectrum)) == 0, 1, 2) / length
        name = f"stage {stage}"
        within[name] = Line(np.linspace(0, 1, len(energy)).tolist(), (100 * energy.cumsum()).tolist())
        power[name] = Line((np.arange(len(spectrum)) / length).tolist(), (spectrum / white).tolist())
    numbers = list(range(1, len(reached) + 1))
    depth = {"untrained": Line(numbers, [each.untrained_distance[0] for each in reached], dashed=True)}
    mirrored = {"untrained": Line(numbers, [each.untrained_symmetry[0] for each in reached], dashed=True)}
    for place, side in enumerate(("vertical", "horizontal")):
        depth[side] = Line(numbers, [each.distance[place] for each in reached])
        mirrored[side] = Line(numbers, [each.symmetry[place] for each in reached])
    size: dict[str, Any] = {"width": 3.2, "height": 3.0}
    from_image: dict[str, Any] = {"x_label": "layer, from the image on", "ticks": _few(numbers), **size}
    share = "distance, share of the farthest"
    return [
        LineChart(within, share, "energy within, %", "vertical kernels: energy", **size),
        LineChart(power, "frequency, cycles per place", "power, multiple of untrained", "vertical: spectrum", **size),
        LineChart(depth, y_label="mean distance of the energy", title="reach through depth", **from_image),
        LineChart(mirrored, y_label="cosine with the mirror image", title="symmetry through depth", **from_image),
    ]


def _few(numbers: Sequence[int]) -> list[int]:
    """At most eight of them, evenly spaced."""
    return list(numbers)[:: max(1, -(-len(numbers) // 8))]
