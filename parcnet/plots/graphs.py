"""The graph of a network as boxes and arrows, from top to bottom."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from parcnet.plots import mpl
from parcnet.plots.figure import BLUE, GREEN, GREY, ORANGE, RED

_TINTS = {"channels": BLUE, "space": ORANGE, "attention": RED, "activation": GREEN, "norm": GREY, "other": "#ffffff"}
_BOX_WIDTH, _BOX_HEIGHT, _STEP, _LANE = 2.6, 0.62, 1.0, 0.22
_INCH_WIDE, _INCH_HIGH = 0.95, 0.58  # of one unit across and down
_INK = "#333333"
_LEGEND = "orange: mixes positions; blue: mixes channels; red:\nmultiplies branches; green: activation; grey: norm"
_ARROW = {"arrowstyle": "-|>", "color": _INK, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}


@dataclass(frozen=True, slots=True)
class Box:
    """A step of the computation.

    kind      sets the colour: "space" mixes positions, "channels" mixes channels, "attention" multiplies branches,
              "activation", "norm", "other"
    sources   keys of the boxes whose outputs are its inputs
    """

    key: str
    label: str
    detail: str = ""
    kind: str = "other"
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GraphChart:
    """Boxes in the order in which they are computed, below a title."""

    title: str
    boxes: Sequence[Box]

    @property
    def width(self) -> float:
        """Inches."""
        left, right = self._sides()
        return _INCH_WIDE * (right - left) + 0.3

    @property
    def height(self) -> float:
        """Inches."""
        return _INCH_HIGH * (max(_rows(self.boxes).values()) + 1) + 0.7

    def draw(self, axes: mpl.Axes) -> None:
        rows, lanes = _rows(self.boxes), _lanes(self.boxes)
        centres = _centres(self.boxes, rows)
        for box in self.boxes:
            _draw_box(axes, box, centres[box.key], rows[box.key] * _STEP)
            for source in box.sources:
                lane = lanes.get((source, box.key))
                start, end = (centres[source], rows[source]), (centres[box.key], rows[box.key])
                if lane is None:
                    _short_arrow(axes, start, end)
                else:
                    crossed = [each for each in centres if rows[source] <= rows[each] <= rows[box.key]]
                    beside = max(centres[each] for each in crossed) + _BOX_WIDTH / 2
                    _long_arrow(axes, start, end, beside, lane)
        axes.set_xlim(*self._sides())
        axes.set_ylim(max(rows.values()) * _STEP + 0.9, -0.5)
        axes.text(0, max(rows.values()) * _STEP + 0.65, _LEGEND, ha="center", va="center", fontsize=6, color=_INK)
        axes.set_title(self.title, fontsize=9.5, parse_math=False)
        axes.set_aspect(_INCH_HIGH / _INCH_WIDE, anchor="N")
        axes.axis("off")

    def _sides(self) -> tuple[float, float]:
        centres, lanes = _centres(self.boxes, _rows(self.boxes)).values(), _lanes(self.boxes).values()
        reach = _BOX_WIDTH / 2 + 0.1
        return min(centres) - reach, max(centres) + reach + _LANE * (max(lanes, default=-1) + 1)


def _rows(boxes: Sequence[Box]) -> dict[str, int]:
    """The row of each box: the length of the longest path to it."""
    rows: dict[str, int] = {}
    for box in boxes:
        rows[box.key] = max((rows[source] + 1 for source in box.sources), default=0)
    return rows


def _centres(boxes: Sequence[Box], rows: Mapping[str, int]) -> dict[str, float]:
    """The horizontal centre of each box: those of a row side by side around 0, in the order of their sources.

    Of boxes with the same sources, the one whose output is used last is rightmost, beside its arrow.
    """
    used = {key: max((rows[box.key] for box in boxes if key in box.sources), default=0) for key in rows}
    of_row: dict[int, list[Box]] = defaultdict(list)
    for box in boxes:
        of_row[rows[box.key]].append(box)
    centres: dict[str, float] = {}
    for row in sorted(of_row):
        wanted = {
            box.key: (sum(centres[source] for source in box.sources) / max(len(box.sources), 1), used[box.key])
            for box in of_row[row]
        }
        for column, key in enumerate(sorted(wanted, key=wanted.__getitem__)):
            centres[key] = (column - (len(wanted) - 1) / 2) * (_BOX_WIDTH + 0.3)
    return centres


def _lanes(boxes: Sequence[Box]) -> dict[tuple[str, str], int]:
    """The arrows that skip rows, each with the index of its lane beside the boxes."""
    rows = _rows(boxes)
    long = [(source, box.key) for box in boxes for source in box.sources if rows[box.key] - rows[source] > 1]
    lanes: dict[tuple[str, str], int] = {}
    for arrow in sorted(long, key=lambda each: rows[each[1]] - rows[each[0]]):  # the shortest runs innermost
        taken = {lane for other, lane in lanes.items() if _overlap(arrow, other, rows)}
        lanes[arrow] = next(lane for lane in range(len(long)) if lane not in taken)
    return lanes


def _overlap(one: tuple[str, str], other: tuple[str, str], rows: Mapping[str, int]) -> bool:
    return rows[one[0]] <= rows[other[1]] and rows[other[0]] <= rows[one[1]]


def _draw_box(axes: mpl.Axes, box: Box, x: float, y: float) -> None:
    corner = (x - _BOX_WIDTH / 2, y - _BOX_HEIGHT / 2)
    tint: dict[str, Any] = {"facecolor": _TINTS[box.kind], "alpha": 0.25, "linewidth": 0}
    outline: dict[str, Any] = {"facecolor": "none", "edgecolor": _INK, "linewidth": 0.8}
    for style in (tint, outline):
        axes.add_patch(mpl.patches.FancyBboxPatch(corner, _BOX_WIDTH, _BOX_HEIGHT, boxstyle="round,pad=0.02", **style))
    lines = [(box.label, -0.13, 8.0), (box.detail, 0.17, 6.5)] if box.detail else [(box.label, 0.0, 8.0)]
    for text, shift, size in lines:
        axes.text(x, y + shift, text, ha="center", va="center", fontsize=size, parse_math=False)


def _short_arrow(axes: mpl.Axes, start: tuple[float, int], end: tuple[float, int]) -> None:
    half = _BOX_HEIGHT / 2 + 0.02
    axes.annotate("", (end[0], end[1] * _STEP - half), (start[0], start[1] * _STEP + half), arrowprops=_ARROW)


def _long_arrow(axes: mpl.Axes, start: tuple[float, int], end: tuple[float, int], beside: float, lane: int) -> None:
    """From the source to its lane between two rows, down, and into the target from the right."""
    bottom, down = start[1] * _STEP + _BOX_HEIGHT / 2 + 0.02, end[1] * _STEP
    bend = bottom + (_STEP - _BOX_HEIGHT) * (0.6 - 0.1 * min(lane, 4))  # an outer lane leaves higher: no crossing
    x = beside + _LANE * (lane + 0.7)
    axes.plot([start[0], start[0], x, x], [bottom, bend, bend, down], color=_INK, linewidth=0.8)
    axes.annotate("", (end[0] + _BOX_WIDTH / 2 + 0.02, down), (x, down), arrowprops=_ARROW)
