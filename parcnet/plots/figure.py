"""Creates and saves figures by matplotlib's object-oriented API on Agg, which keeps no global state."""

import warnings
from pathlib import Path

from parcnet.base.files import atomic_path
from parcnet.plots import mpl

# Okabe and Ito's colours, safe for colour-blind readers and in print
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#767676"


def new_figure(width: float, height: float) -> mpl.Figure:
    """An empty figure of width x height inches with constrained layout."""
    figure = mpl.figure.Figure(figsize=(width, height), layout="constrained", dpi=120)
    mpl.backends.backend_agg.FigureCanvasAgg(figure)
    return figure


def save(figure: mpl.Figure, path: str | Path) -> None:
    """Writes the figure atomically, in the format of the suffix."""
    with atomic_path(path) as temporary, warnings.catch_warnings():
        # class names come from users: a glyph that the font lacks is drawn as a box, without a warning
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support .* natively")
        warnings.filterwarnings("ignore", message="constrained_layout not applied")
        figure.savefig(temporary)


def short(name: str, limit: int = 24) -> str:
    """`name`, shortened in the middle if longer than `limit` characters."""
    if len(name) <= limit:
        return name
    head = (limit - 1) // 2
    return f"{name[:head]}…{name[head + 1 - limit :]}"
