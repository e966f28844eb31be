"""matplotlib, imported when something is drawn: `mpl.patches.Rectangle` is matplotlib.patches.Rectangle.

The import takes half a second, which commands that draw nothing avoid. The other modules of this package import this
one instead of matplotlib.
"""

import importlib
from typing import Any

Axes = Any
"""matplotlib.axes.Axes, for annotations."""
Figure = Any
"""matplotlib.figure.Figure, for annotations."""


def __getattr__(name: str) -> Any:
    """The attribute or submodule `name` of matplotlib."""
    if name.startswith("_"):  # requested by tools that inspect modules
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import matplotlib.backends.backend_agg  # the canvas of every figure; matplotlib itself does not load it

    try:
        return getattr(matplotlib, name)
    except AttributeError:
        return importlib.import_module(f"matplotlib.{name}")
