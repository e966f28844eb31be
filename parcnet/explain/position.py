"""What a stage's features tell about where they lie: a linear probe, and what a shift of the image does to it."""

from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.base import UserError, progress
from parcnet.base.console import Advance
from parcnet.explain.hooks import borrowed, captured
from parcnet.explain.target_layers import as_map, stages

Array = NDArray[np.float64]

PIXELS = "the pixels alone"
_ALPHAS = (1e-2, 1.0, 1e2, 1e4)  # of the ridge: weak to strong, on standardised features
_ROWS = 20_000  # places that a probe is fitted to, at most: memory and seconds
_FEWEST = 4


@dataclass(frozen=True, slots=True)
class Probe:
    """How well row and column can be read, linearly, from one stage's features at one place."""

    stage: str
    """Name of the module, or `PIXELS` for the image averaged over the places of the last probed stage."""
    r2: tuple[float, float]
    """R^2 of row and column on images the probe was not fitted to: 1 perfect, 0 as bad as the mean place."""
    r2_shifted: tuple[float, float]
    """The same on those images, moved."""
    follows: tuple[float, float]
    """How much of the move the prediction for the same content goes along with: 1 if the features tell the place in
    the frame, 0 if they tell what the image shows there."""
    error: NDArray[np.float64]
    """[h, w]: mean distance between predicted and true place, as a share of the side of the image."""


@dataclass(frozen=True, slots=True)
class Position:
    """Probes, from the image on; the first is the control."""

    probes: tuple[Probe, ...]
    skipped: tuple[str, ...]
    """Stages whose maps have fewer than 2 places a side after the move, so no position to tell."""
    shift: int
    """By how many px the image was moved, up and to the left."""
    fitted: int
    """Images that the probes were fitted to."""
    tested: int


def position(
    model: nn.Module,
    images: Tensor,
    *,
    shift: int | None = None,
    device: torch.device | None = None,
    dtype: str = "fp32",
) -> Position:
    """Probes every stage on images [N, C, H + shift, W + shift] through a window of H x W px.

    A ridge regression, its strength chosen on the images it is fitted to, goes from the standardised features at a
    place to that place (row and column, -1 to 1). It is fitted to the first half of the images through the window at
    the top left and tested on the other half there and through the window at the bottom right, so that what lay at a
    place now lies `shift` px up and to the left. `shift` is a multiple of the largest reduction, None for that itself.
    The network is given back unchanged.

    Raises `UserError` for a network that names no stages, fewer than 4 images, images too small, and another shift.
    """
    known = stages(model)
    if not known:
        raise UserError(f"a {type(model).__name__} does not say which of its layers are stages; nothing to probe.")
    moved = max(stage.reduction for stage in known) if shift is None else shift
    height, width = images.shape[2] - moved, images.shape[3] - moved
    _check(max(stage.reduction for stage in known), moved, images, height, width)
    windows = (images[:, :, :height, :width], images[:, :, moved:, moved:])
    with progress("features", 2 * len(images), "images") as advance:
        features = [_features(model, window, device, dtype, advance) for window in windows]
    half = len(images) // 2
    probes, skipped = [], []
    coarsest = None
    for stage in known:
        here, there = (each[stage.name] for each in features)
        step = moved // stage.reduction
        if min(here.shape[2:]) < step + 2:
            skipped.append(stage.name)
            continue
        coarsest = ((here.shape[2], here.shape[3]), step)
        probes.append(_probe(stage.name, here, there, step, half))
    if coarsest is not None:
        side, step = coarsest
        before, after = (F.adaptive_avg_pool2d(window.float(), side) for window in windows)
        probes.insert(0, _probe(PIXELS, before, after, step, half))
    if not probes:
        raise UserError(f"no stage has 2 places a side left on images of {height}x{width} px; give larger ones.")
    return Position(tuple(probes), tuple(skipped), moved, half, len(images) - half)


def _check(reduction: int, moved: int, images: Tensor, height: int, width: int) -> None:
    if len(images) < _FEWEST:
        raise UserError(f"{len(images)} images given; a probe needs at least {_FEWEST}, half to fit and half to test.")
    if moved < 1 or moved % reduction:
        raise UserError(f"shift is {moved} px; expected a multiple of {reduction}, the reduction of the last stage.")
    if min(height, width) < 2 * reduction:
        raise UserError(
            f"{height}x{width} px are left of the images after a shift of {moved}; expected at least {2 * reduction} "
            "a side."
        )


def _features(
    model: nn.Module, images: Tensor, device: torch.device | None, dtype: str, advance: Advance
) -> dict[str, Tensor]:
    """[N, C, h, w] by stage, on the CPU."""
    kept: dict[str, list[Tensor]] = {stage.name: [] for stage in stages(model)}
    with borrowed(model, device, dtype), torch.no_grad(), ExitStack() as hooks:
        place = next((parameter.device for parameter in model.parameters()), images.device)
        seen = {name: hooks.enter_context(captured(model.get_submodule(name))) for name in kept}
        for image in images:
            model(image[None].to(place))
            for name, found in kept.items():
                found.append(as_map(model, name, seen[name].output).float().cpu())
            advance(1, "")
    return {name: torch.cat(found) for name, found in kept.items()}


def _probe(name: str, here: Tensor, there: Tensor, step: int, half: int) -> Probe:
    """`here` and `there`: features [N, C, h, w] before and after the move, by `step` places."""
    from sklearn.linear_model import RidgeCV  # here, for it takes a second that other commands need not wait
    from sklearn.metrics import r2_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    height, width = here.shape[2:]
    grid = _grid(height, width)
    probe = make_pipeline(StandardScaler(), RidgeCV(_ALPHAS))
    rows, places = _rows(here[:half]), np.tile(grid, (half, 1))
    chosen = np.random.default_rng(0).permutation(len(rows))[:_ROWS]
    probe.fit(rows[chosen], places[chosen])
    tested = len(here) - half
    before, after = (probe.predict(_rows(each[half:])).reshape(tested, height, width, 2) for each in (here, there))
    truth = np.broadcast_to(grid.reshape(height, width, 2), before.shape)
    scores = [r2_score(truth.reshape(-1, 2), each.reshape(-1, 2), multioutput="raw_values") for each in (before, after)]
    went = before[:, step:, step:] - after[:, : height - step, : width - step]
    expected = truth[:, step:, step:] - truth[:, : height - step, : width - step]
    follows = went.mean((0, 1, 2)) / expected.mean((0, 1, 2))
    return Probe(
        stage=name,
        r2=_pair(scores[0]),
        r2_shifted=_pair(scores[1]),
        follows=_pair(follows),
        error=np.linalg.norm(before - truth, axis=-1).mean(0) / 2,
    )


def _rows(features: Tensor) -> Array:
    """[N, C, h, w] -> [N h w, C]."""
    return features.permute(0, 2, 3, 1).flatten(0, 2).double().numpy()


def _grid(height: int, width: int) -> Array:
    """Row and column of each place of a map, -1 to 1: [h w, 2]."""
    lines = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    return np.stack([line.ravel() for line in lines], 1)


def _pair(values: Array) -> tuple[float, float]:
    row, column = values
    return float(row), float(column)
