"""Position information in a stage's features: a linear probe, and its response to a shift of the image."""

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
_ALPHAS = (1e-2, 1.0, 1e2, 1e4)  # ridge penalties, weak to strong, on standardised features
_MOST_POSITIONS = 20_000  # in the fit of a probe: bounds memory and time
_FEWEST_IMAGES = 4


@dataclass(frozen=True, slots=True)
class StageProbe:
    """How well a linear probe predicts row and column from one stage's features at one position."""

    stage: str
    """Name of the module, or `PIXELS` for the image pooled to the resolution of the last probed stage."""
    r2: tuple[float, float]
    """R^2 of row and column on held-out images: 1 perfect, 0 no better than predicting the mean."""
    r2_shifted: tuple[float, float]
    """The same on the shifted held-out images."""
    follows: tuple[float, float]
    """Share of the shift by which the prediction for the same content changes: 1 if features encode the position in
    the frame, 0 if they encode the content."""
    error: NDArray[np.float64]
    """[h, w]: mean distance between predicted and true position, as a share of the image's side."""


@dataclass(frozen=True, slots=True)
class PositionProbes:
    """The probes of all stages, from input to output; the first, on pixels, is the control."""

    probes: tuple[StageProbe, ...]
    skipped: tuple[str, ...]
    """Stages whose feature maps have fewer than 2 positions a side after the shift."""
    shift: int
    """Shift of the image in px, up and to the left."""
    fitted: int
    """Number of images in the fit."""
    tested: int
    """Number of held-out images."""


def position(
    model: nn.Module,
    images: Tensor,
    *,
    shift: int | None = None,
    device: torch.device | None = None,
    dtype: str = "fp32",
) -> PositionProbes:
    """Probes every stage on images [N, C, H + shift, W + shift] through a window of H x W px.

    A ridge regression, its penalty selected on the fitted images, predicts a position (row and column, -1 to 1) from
    the standardised features there. It is fitted on the first half of the images, cropped at the top left, and tested
    on the other half, cropped at the top left and at the bottom right: the second crop shifts the content by `shift` px
    up and to the left. `shift` is a multiple of the largest reduction; None takes that reduction. The network is left
    unchanged.

    Raises `UserError` for a network without named stages, fewer than 4 images, images too small, and another shift.
    """
    known = stages(model)
    if not known:
        raise UserError(f"a {type(model).__name__} does not list its stages in feature_info; nothing to probe.")
    pixels = max(stage.reduction for stage in known) if shift is None else shift
    height, width = images.shape[2] - pixels, images.shape[3] - pixels
    _check(max(stage.reduction for stage in known), pixels, images, height, width)
    windows = (images[:, :, :height, :width], images[:, :, pixels:, pixels:])
    with progress("features", 2 * len(images), "images") as advance:
        features = [_features(model, window, device, dtype, advance) for window in windows]
    half = len(images) // 2
    probes, skipped = [], []
    coarsest = None
    for stage in known:
        before, after = (each[stage.name] for each in features)
        step = pixels // stage.reduction
        if min(before.shape[2:]) < step + 2:
            skipped.append(stage.name)
            continue
        coarsest = ((before.shape[2], before.shape[3]), step)
        probes.append(_probe(stage.name, before, after, step, half))
    if coarsest is not None:
        side, step = coarsest
        before, after = (F.adaptive_avg_pool2d(window.float(), side) for window in windows)
        probes.insert(0, _probe(PIXELS, before, after, step, half))
    if not probes:
        raise UserError(
            f"no stage has 2 positions a side after the shift on images of {height}x{width} px; use larger images."
        )
    return PositionProbes(tuple(probes), tuple(skipped), pixels, half, len(images) - half)


def _check(reduction: int, shift: int, images: Tensor, height: int, width: int) -> None:
    if len(images) < _FEWEST_IMAGES:
        raise UserError(
            f"{len(images)} images given; a probe needs at least {_FEWEST_IMAGES}, half to fit and half to test."
        )
    if shift < 1 or shift % reduction:
        raise UserError(f"shift is {shift} px; expected a multiple of {reduction}, the reduction of the last stage.")
    if min(height, width) < 2 * reduction:
        raise UserError(
            f"{height}x{width} px are left of the images after a shift of {shift}; expected at least {2 * reduction} "
            "a side."
        )


def _features(
    model: nn.Module, images: Tensor, device: torch.device | None, dtype: str, advance: Advance
) -> dict[str, Tensor]:
    """[N, C, h, w] by stage, on the CPU."""
    kept: dict[str, list[Tensor]] = {stage.name: [] for stage in stages(model)}
    with borrowed(model, device, dtype), torch.no_grad(), ExitStack() as hooks:
        target = next((parameter.device for parameter in model.parameters()), images.device)
        outputs = {name: hooks.enter_context(captured(model.get_submodule(name))) for name in kept}
        for image in images:
            model(image[None].to(target))
            for name, maps in kept.items():
                maps.append(as_map(model, name, outputs[name].output).float().cpu())
            advance(1, "")
    return {name: torch.cat(maps) for name, maps in kept.items()}


def _probe(name: str, unshifted: Tensor, shifted: Tensor, step: int, half: int) -> StageProbe:
    """Fits and tests a probe on features [N, C, h, w] before and after a shift by `step` positions."""
    from sklearn.linear_model import RidgeCV  # imported here: it takes a second, and only probes need it
    from sklearn.metrics import r2_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    height, width = unshifted.shape[2:]
    grid = _grid(height, width)
    probe = make_pipeline(StandardScaler(), RidgeCV(_ALPHAS))
    rows, positions = _rows(unshifted[:half]), np.tile(grid, (half, 1))
    chosen = np.random.default_rng(0).permutation(len(rows))[:_MOST_POSITIONS]
    probe.fit(rows[chosen], positions[chosen])
    tested = len(unshifted) - half
    before, after = (
        probe.predict(_rows(each[half:])).reshape(tested, height, width, 2) for each in (unshifted, shifted)
    )
    truth = np.broadcast_to(grid.reshape(height, width, 2), before.shape)
    scores = [r2_score(truth.reshape(-1, 2), each.reshape(-1, 2), multioutput="raw_values") for each in (before, after)]
    change = before[:, step:, step:] - after[:, : height - step, : width - step]
    expected = truth[:, step:, step:] - truth[:, : height - step, : width - step]
    follows = change.mean((0, 1, 2)) / expected.mean((0, 1, 2))
    return StageProbe(
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
    """Row and column of each position of a feature map, -1 to 1: [h w, 2]."""
    lines = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    return np.stack([line.ravel() for line in lines], 1)


def _pair(values: Array) -> tuple[float, float]:
    row, column = values
    return float(row), float(column)
