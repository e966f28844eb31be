"""Pictures of explanations, in colour maps that are safe for colour vision deficiencies."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parcnet.base.spacing import evenly_spaced
from parcnet.explain.cam_methods import METHODS
from parcnet.explain.explained_model import Images
from parcnet.explain.gates import CLOSED, CLOSED_AT_RANDOM, Gates
from parcnet.explain.gradcam import GradCam
from parcnet.explain.kernels import Kernels, Reach
from parcnet.explain.position import PositionProbes
from parcnet.explain.receptive_field import SHARES, ReceptiveField, growth
from parcnet.plots.lines import Line, LineChart
from parcnet.plots.maps import MapChart, mosaic
from parcnet.plots.overlays import OverlayRow, overlay_rows
from parcnet.plots.panels import Panel
from parcnet.plots.sheet import sheet

_IMAGES = 4
"""Rows of gate maps in a picture; the arrays hold all images."""
_TILES = 8
"""2D kernels per row."""


def draw_gradcam(
    rows: Sequence[tuple[str, Images, GradCam, Sequence[str]]], path: str | Path, originals: Images
) -> list[str]:
    """The images, then one row per network: (title, its input images, its maps, names of the explained classes)."""
    drawn = [OverlayRow("image", list(originals.pictures), names=originals.names)]
    for title, images, cam, classes in rows:
        names = [f"{name} ({share:.1%})" for name, share in zip(classes, cam.probabilities, strict=True)]
        drawn.append(OverlayRow(title, list(images.pictures), list(cam.heat), names))
    name, meaning = METHODS[rows[0][2].method]
    layers = "; ".join(f"{title}: {cam.layer}" for title, _, cam, _ in rows)
    caption = (
        f"{name}: {meaning}. Above each map: the explained class and its probability. Each map is divided by its "
        f"maximum. Layers: {layers}."
    )
    zero = [title for title, _, cam, _ in rows if not cam.maps.any(axis=(1, 2)).all()]
    if zero:
        caption += f" All-dark maps of {', '.join(zero)} are zero everywhere."
    overlay_rows(drawn, path, caption, "relative to the maximum")
    return [caption]


def draw_kernels(strips: Kernels, tiles: Kernels, reached: Sequence[Reach], path: str | Path) -> list[str]:
    """1D and composed 2D kernels of one layer, and the reach of all layers."""
    caption = (
        f"Kernels of {strips.layer}, random channels. Below: all channels of all {len(reached)} oversized layers. "
        "Energy: share of the squared weights within a distance, relative to the largest distance; untrained kernels "
        "lie near the diagonal. Power: relative to untrained kernels, which are flat at 1. Symmetry: cosine similarity "
        "of a kernel and its mirror image."
    )
    sheet([strip_charts(strips), tile_charts(tiles), reach_charts(reached)], path, caption)
    return [caption]


def strip_charts(found: Kernels) -> list[MapChart]:
    """The vertical kernels as columns, the horizontal kernels as rows."""
    high, wide = found.vertical.shape[1] // 2, found.horizontal.shape[1] // 2
    count = len(found.channels)
    return [
        MapChart(
            Panel("vertical kernels", found.vertical.T, "signed"),
            x_label=f"{count} channels",
            y_label="row offset",
            bar="weight",
            extent=(0.5, count + 0.5, high + 0.5, -high - 0.5),
            stretched=True,
            width=6.4,
        ),
        MapChart(
            Panel("horizontal kernels", found.horizontal, "signed"),
            x_label="column offset",
            y_label=f"{count} channels",
            bar="weight",
            extent=(-wide - 0.5, wide + 0.5, count + 0.5, 0.5),
            stretched=True,
            width=6.4,
        ),
    ]


def tile_charts(found: Kernels) -> list[MapChart]:
    """The composed 2D kernels, without and with the local kernel."""
    charts = [_tiles("vertical x horizontal", found.vertical[:, :, None] * found.horizontal[:, None, :])]
    if found.local is not None:
        charts.append(_tiles("vertical x horizontal + local", found.merged))
    return charts


def draw_receptive_field(found: Sequence[tuple[str, ReceptiveField]], path: str | Path) -> list[str]:
    """A heat map with RepLKNet's squares for each network, and the contribution against the area of the square."""
    caption = (
        "Effective receptive field: contribution P of each pixel to the centre of the named layer, mean over "
        f"{found[0][1].images} images. The squares are the smallest centred ones that contain "
        f"{', '.join(f'{share:.0%}' for share in SHARES)} of log10(P + 1), as RepLKNet reports them; the curves show P "
        "itself, which does not depend on the scale of the gradients."
    )
    sheet([receptive_field_charts(found)], path, caption)
    return [caption]


def receptive_field_charts(found: Sequence[tuple[str, ReceptiveField]]) -> list[MapChart | LineChart]:
    """A map for each network, then the curves of all."""
    maps = [
        MapChart(
            Panel(f"{title}, {field.layer}", field.score, "amount", 1.0),
            x_label="column, px",
            y_label="row, px",
            bar="log10(P + 1), relative to the maximum",
            squares=tuple((each.side, f"{each.share:.0%}") for each in field.squares),
            width=3.9,
            height=3.4,
        )
        for title, field in found
    ]
    curves = {title: _growth(field) for title, field in found}
    shares = LineChart(curves, "centred square, % of the image", "contribution P inside, %", "contribution by area")
    return [*maps, shares]


def draw_gates(title: str, images: Images, found: Gates, path: str | Path) -> list[str]:
    """The gate of each stage's last unit on the first images, and the share of closed gates of every unit."""
    last = {gate.stage: gate for gate in found.gates}
    rows = []
    for index, picture in enumerate(images.pictures[:_IMAGES]):
        row = [MapChart(Panel(images.names[index], picture), ticks=False, width=2.1, height=2.2)]
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
            "unit, input to output",
            "closed gates, %",
            "closed gates",
            ticks=_few(numbers),
            baseline=(level, f"normal distribution, {level:.0f} %") if found.threshold == CLOSED else None,
            from_zero=True,
        ),
        LineChart(
            {"negative": negative},
            "unit, input to output",
            "negative gates, %",
            "negative gates",
            ticks=_few(numbers),
            from_zero=True,
        ),
    ]
    caption = (
        f"Spatial gates of {title} on {len(images.names)} images: magnitude of the gate, mean over channels, each "
        "divided by its root mean square over images and positions (light is closed). A gate is closed below "
        f"{found.threshold:g} times that root mean square."
    )
    sheet([*rows, charts], path, caption)
    return [caption]


def draw_position(title: str, found: PositionProbes, path: str | Path) -> list[str]:
    """R² and response to a shift by stage, and the error map of each probe."""
    names = ["pixels", *(probe.stage for probe in found.probes[1:])]
    at = list(range(len(names)))

    def lines(field: str) -> tuple[Line, Line]:
        pairs = np.array([getattr(probe, field) for probe in found.probes])
        return Line(at, pairs[:, 0].tolist()), Line(at, pairs[:, 1].tolist())

    r2, shifted, follows = lines("r2"), lines("r2_shifted"), lines("follows")
    charts = [
        LineChart(
            {"row": r2[0], "column": r2[1], "row, shifted": shifted[0], "column, shifted": shifted[1]},
            "features of",
            "R² on held-out images",
            "position predicted from features",
            at,
            names,
        ),
        LineChart(
            {"row": follows[0], "column": follows[1]},
            "features of",
            f"share of a {found.shift} px shift followed",
            "frame (1) or content (0)",
            at,
            names,
        ),
    ]
    maps = [
        MapChart(
            Panel(name, probe.error, "amount", 0.5),
            x_label="column",
            y_label="row",
            bar="mean error, share of a side" if index == len(names) - 1 else "",
            width=2.3,
            height=2.5,
        )
        for index, (name, probe) in enumerate(zip(names, found.probes, strict=True))
    ]
    caption = (
        f"Position in the features of {title}: ridge regression from the features at a position to its row and column, "
        f"fitted on {found.fitted} images, tested on {found.tested} held-out images. R² is 1 for a perfect prediction, "
        "0 for predicting the mean. Below: the error by position."
    )
    sheet([charts, maps], path, caption)
    return [caption]


def _tiles(title: str, kernels: NDArray[np.float32]) -> MapChart:
    """2D kernels [n, k, l] side by side, each divided by its largest weight."""
    count, height, width = kernels.shape
    return MapChart(
        Panel(title, mosaic(kernels, _TILES), "signed", 1.0),
        x_label=f"{count} channels, column offsets -{width // 2} to {width // 2}",
        y_label=f"row offsets -{height // 2} to {height // 2}",
        bar="relative to the kernel's largest weight",
        ticks=False,
        width=6.4,
        height=max(0.62 * -(-count // _TILES) * height / width + 0.9, 2.2),
    )


def _growth(field: ReceptiveField) -> Line:
    inside, area = growth(field.contribution)
    chosen = evenly_spaced(len(inside), 20)
    return Line((100 * area[chosen]).tolist(), (100 * inside[chosen]).tolist())


def reach_charts(reached: Sequence[Reach]) -> list[LineChart]:
    """Energy against distance and spectrum by stage; mean distance and symmetry by depth."""
    stages = list(dict.fromkeys(each.stage for each in reached))
    within, power = {}, {}
    for stage in stages:
        in_stage = [each for each in reached if each.stage == stage]
        energy = np.mean([each.energy_h for each in in_stage], axis=0)
        spectrum = np.mean([each.spectrum_h for each in in_stage], axis=0)
        length = 2 * len(energy) - 1
        white = np.where(np.arange(len(spectrum)) == 0, 1, 2) / length
        name = f"stage {stage}"
        within[name] = Line(np.linspace(0, 1, len(energy)).tolist(), (100 * energy.cumsum()).tolist())
        power[name] = Line((np.arange(len(spectrum)) / length).tolist(), (spectrum / white).tolist())
    numbers = list(range(1, len(reached) + 1))
    depth = {"untrained": Line(numbers, [each.untrained_distance[0] for each in reached], dashed=True)}
    mirrored = {"untrained": Line(numbers, [each.untrained_symmetry[0] for each in reached], dashed=True)}
    for axis, direction in enumerate(("vertical", "horizontal")):
        depth[direction] = Line(numbers, [each.distance[axis] for each in reached])
        mirrored[direction] = Line(numbers, [each.symmetry[axis] for each in reached])
    size: dict[str, Any] = {"width": 3.2, "height": 3.0}
    by_depth: dict[str, Any] = {"x_label": "layer, input to output", "ticks": _few(numbers), **size}
    distance = "distance, relative to the largest"
    return [
        LineChart(within, distance, "energy within, %", "vertical kernels: energy", **size),
        LineChart(power, "frequency, cycles per tap", "power, relative to untrained", "vertical: spectrum", **size),
        LineChart(depth, y_label="mean distance of the energy", title="reach by depth", **by_depth),
        LineChart(mirrored, y_label="cosine with the mirror image", title="symmetry by depth", **by_depth),
    ]


def _few(numbers: Sequence[int]) -> list[int]:
    """At most eight of them, evenly spaced."""
    return list(numbers)[:: max(1, -(-len(numbers) // 8))]
