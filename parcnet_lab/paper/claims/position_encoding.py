"""Claim 2: oversized kernels encode absolute position without embeddings (Sec. 3.1, Effectiveness)."""

import copy
import statistics
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.data.device_seeds import seed_initial_weights
from parcnet.data.randomness import hashed
from parcnet.layers import OversizedConv2d
from parcnet.ops import circular_conv2d
from parcnet.plots.panels import Panel, panels
from parcnet_lab.paper.claims.experiment import Drawing, Experiment, Note
from parcnet_lab.paper.claims.finding import ClaimFigure, ClaimOutcome
from parcnet_lab.paper.claims.photographs import NAMES, photographs
from parcnet_lab.paper.claims.result_cache import cache_path, cached
from parcnet_lab.paper.claims.settings import Settings
from parcnet_lab.paper.claims.verdicts import direction, paired, together

_SIDE, _PATCH, _CHANNELS = 24, 5, 16
_PLACES = _SIDE - _PATCH + 1  # rows, and columns, that the patch's corner can have
_LAYERS = 2
_INSIDE = 3 * _LAYERS  # reach of two 7x7 convolutions in px: closer to the border they meet the padding
_STEPS, _QUICK_STEPS, _BATCH = 300, 12, 48
_TESTS, _QUICK_TESTS = 4, 1  # patches at every place
_LR = 4e-3
OPERATORS = ("oversized", "circular", "7x7")
_SECONDS_EACH = 8
_REVISION = 1  # to be raised when this file changes what a stack learns


class Circular(nn.Module):
    """Circular convolution along the height, then the width, without position embedding: as many taps as lines."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.kernel_h = nn.Parameter(torch.empty(channels, side))
        self.kernel_w = nn.Parameter(torch.empty(channels, side))

    def forward(self, x: Tensor) -> Tensor:
        return circular_conv2d(circular_conv2d(x, self.kernel_h, axis="h"), self.kernel_w, axis="w")


class Stack(nn.Module):
    """1x1, then twice [GELU, the operator, 1x1], mean over the map, a two-layer head: the position of the patch.

    Only the operator mixes positions, so nothing else can encode them. Shapes: [B, 1, 24, 24] -> [B, 2].
    """

    def __init__(self, operator: str) -> None:
        super().__init__()
        self.project = nn.ModuleList([nn.Conv2d(_CHANNELS if i else 1, _CHANNELS, 1) for i in range(_LAYERS + 1)])
        self.mix = nn.ModuleList([tested(operator) for _ in range(_LAYERS)])
        self.head = nn.Sequential(
            nn.LayerNorm(_CHANNELS),
            nn.Linear(_CHANNELS, 128),
            nn.GELU(),
            nn.Linear(128, 128),
            nn.GELU(),
            nn.Linear(128, 2),
        )

    def pooled(self, x: Tensor) -> Tensor:
        """The globally pooled feature [B, 16]."""
        x = self.project[0](x)
        for mix, project in zip(self.mix, self.project[1:], strict=True):
            x = project(mix(F.gelu(x)))
        return F.gelu(x).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pooled(x))


def tested(operator: str) -> nn.Module:
    """The operator with taps of standard deviation 1/sqrt(taps), so that all three start at the same scale."""
    if operator == "oversized":
        made: nn.Module = OversizedConv2d(_CHANNELS, _SIDE)
    elif operator == "circular":
        made = Circular(_CHANNELS, _SIDE)
    elif operator == "7x7":
        made = nn.Conv2d(_CHANNELS, _CHANNELS, 7, padding=3, groups=_CHANNELS, bias=False)
    else:
        raise ValueError(f"operator is one of {', '.join(OPERATORS)}, got {operator!r}")
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    return made


def scenes(corners: NDArray[np.int64], region: str, *key: int) -> Tensor:
    """Patches of the photographs' `region`, drawn by `key`, on empty maps [N, 1, 24, 24]; `corners` [N, 2]: where."""
    draw = np.random.default_rng(hashed(*key)[0])
    maps = np.zeros((len(corners), 1, _SIDE, _SIDE), np.float32)
    for scene, (row, column) in zip(maps, corners, strict=True):
        source = _regions(region)[draw.integers(len(NAMES))]
        top, left = (draw.integers(0, side - _PATCH + 1) for side in source.shape)
        patch = source[top : top + _PATCH, left : left + _PATCH]
        scene[0, row : row + _PATCH, column : column + _PATCH] = 0.2 + 0.8 * patch  # never 0 as the empty map
    return torch.from_numpy(maps)


def measure(settings: Settings, note: Note) -> tuple[ClaimOutcome, list[Drawing]]:
    """Trains each stack on patches of the training regions and tests it at every position on the others."""
    errors: dict[str, list[NDArray[np.float64]]] = {name: [] for name in OPERATORS}
    moves: dict[str, list[float]] = {name: [] for name in OPERATORS}
    seconds = 0.0
    for seed in settings.every_seed:
        for name in OPERATORS:
            found = _tested(name, seed, settings)
            errors[name].append(np.array(found["errors"]))
            moves[name].append(found["deviation"])
            seconds += found["seconds"]
            note(_seconds_each(settings), f"{name}, seed {seed}")
    inside = slice(_INSIDE, _PLACES - _INSIDE)
    everywhere = {name: [float(each.mean()) for each in grids] for name, grids in errors.items()}
    central = {name: [float(each[inside, inside].mean()) for each in grids] for name, grids in errors.items()}
    guess = [_distance_to_centre().mean()] * settings.seeds
    comparisons = {
        "oversized closer than the best constant guess, all positions": paired(guess, everywhere["oversized"]),
        "oversized closer than circular, all positions": paired(everywhere["circular"], everywhere["oversized"]),
        "oversized closer than 7x7, all positions": paired(everywhere["7x7"], everywhere["oversized"]),
        "oversized closer than 7x7, away from the border": paired(central["7x7"], central["oversized"]),
    }
    verdicts = {name: direction(each) for name, each in comparisons.items()}
    figures = [
        ClaimFigure(
            f"{name}: mean distance from the true position",
            f"{statistics.fmean(everywhere[name]):.2f} px; away from the border "
            f"{statistics.fmean(central[name]):.2f} px; moving the patch changes the pooled feature by "
            f"{max(moves[name]):.2g} of its size",
        )
        for name in OPERATORS
    ]
    figures += [
        ClaimFigure(name, f"{each.mean:.2f} px closer", interval=each, verdict=verdicts[name])
        for name, each in comparisons.items()
    ]
    because = (
        f"A constant guess is {guess[0]:.2f} px away on average. Circular convolution cannot do better: it is "
        "equivariant to circular shifts, as are 1x1 convolutions and GELU, so the mean over the map does not depend on "
        "the position. Two 7x7 convolutions encode a position only where a patch comes within "
        f"{_INSIDE} px of the padding."
    )
    data = {
        "side": _SIDE,
        "patch": _PATCH,
        "layers": _LAYERS,
        "guess": guess[0],
        "everywhere": everywhere,
        "away_from_border": central,
        "deviation": moves,
        "errors_by_place": {name: np.mean(grids, axis=0).round(3).tolist() for name, grids in errors.items()},
    }
    caption = (
        "Mean distance in px between predicted and true position of a patch, for each position (row, column) of its "
        f"corner, over {settings.seeds} seeds. The darkest value is the error of the constant guess in the corner."
    )
    drawing = Drawing(caption, lambda path: _draw(path, errors))
    return ClaimOutcome(tuple(figures), together(verdicts.values()), because, data, seconds), [drawing]


def _tested(operator: str, seed: int, settings: Settings) -> dict[str, Any]:
    """Trains and measures a stack, or reads its cached result."""
    steps, tests = (_QUICK_STEPS, _QUICK_TESTS) if settings.quick else (_STEPS, _TESTS)
    numbers = [_REVISION, operator, seed, steps, _SIDE, _PATCH, _CHANNELS, _LAYERS, _BATCH, tests, _LR]

    def compute() -> dict[str, Any]:
        started = time.perf_counter()
        model = train(operator, seed, steps)
        found = {"errors": errors_by_place(model, tests).tolist(), "deviation": deviation(model)}
        return {**found, "seconds": time.perf_counter() - started}

    return cached(cache_path(settings.folder, f"position-{operator}-seed{seed}", numbers), compute)


def train(operator: str, seed: int, steps: int) -> Stack:
    """AdamW on the squared distance, one-cycle learning rate; in eval mode."""
    seed_initial_weights(seed)
    model = Stack(operator)
    optimizer = torch.optim.AdamW(model.parameters(), _LR, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LR, total_steps=steps)
    corners = np.random.default_rng(seed).integers(0, _PLACES, (steps, _BATCH, 2))
    for step in range(steps):
        maps = scenes(corners[step], "train", seed, step)
        loss = F.mse_loss(model(maps), _target(corners[step]))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return model.eval()


@torch.inference_mode()
def errors_by_place(model: Stack, tests: int) -> NDArray[np.float64]:
    """Mean distance in px between predicted and true corner, over `tests` patches a position: [20, 20]."""
    corners = np.stack(np.meshgrid(range(_PLACES), range(_PLACES), indexing="ij"), -1).reshape(-1, 2)
    total = np.zeros(len(corners))
    for key in range(tests):
        maps = scenes(corners, "test", -1, key)
        apart = (model(maps) - _target(corners)) * (_PLACES - 1) / 2
        total += apart.norm(dim=1).numpy()
    return (total / tests).reshape(_PLACES, _PLACES)


@torch.inference_mode()
def deviation(model: Stack) -> float:
    """Largest change of the pooled feature as a patch moves along both diagonals, relative to its norm, in float64."""
    line = np.arange(_PLACES)
    corners = np.concatenate([np.stack([line, line], 1), np.stack([line, line[::-1]], 1)])
    patch = scenes(corners[:1], "test", -2)[0, 0, :_PATCH, :_PATCH]
    maps = torch.zeros(len(corners), 1, _SIDE, _SIDE, dtype=torch.float64)
    for scene, (row, column) in zip(maps, corners, strict=True):
        scene[0, row : row + _PATCH, column : column + _PATCH] = patch
    exact = copy.deepcopy(model).double()
    features = exact.pooled(maps)
    return ((features - features[:1]).norm(dim=1).max() / features[0].norm()).item()


@cache
def _regions(region: str) -> tuple[NDArray[np.float32], ...]:
    """The training or the test regions at a quarter of their size, so that a patch of 5 px has content."""
    images = [getattr(each, region) for each in photographs()]
    quarter = [each.resize((each.width // 4, each.height // 4), Image.Resampling.BOX) for each in images]
    return tuple((np.asarray(each) / 255).astype(np.float32) for each in quarter)


def _target(corners: NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(corners).float() * 2 / (_PLACES - 1) - 1


def _distance_to_centre() -> NDArray[np.float64]:
    line = np.arange(_PLACES) - (_PLACES - 1) / 2
    return np.hypot(line[:, None], line[None, :])


def _seconds_each(settings: Settings) -> int:
    return 2 if settings.quick else _SECONDS_EACH


def _draw(path: Path, errors: dict[str, list[NDArray[np.float64]]]) -> None:
    top = float(_distance_to_centre().max())
    shown = [
        Panel(f"{name}: {np.mean(grids):.2f} px", np.mean(grids, axis=0), "amount", top)
        for name, grids in errors.items()
    ]
    panels(shown, len(shown), path, size=2.6)


EXPERIMENT = Experiment(
    number=2,
    title="Position without embeddings",
    claim="The oversized convolution encodes position implicitly, which makes position embeddings unnecessary.",
    source="ICCV 2023, Sec. 3.1; arXiv v1, Sec. 3.1",
    experiment=(
        "Stacks of 1x1 convolutions and two of the tested operators, pooled over the whole map, learn to predict the "
        "position of a patch of a photograph; no other part depends on neighbours or on the border. Oversized is "
        "compared with circular convolution without position embedding and with 7x7, on patches of held-out regions."
    ),
    seconds=lambda settings: len(OPERATORS) * settings.seeds * _seconds_each(settings),
    measure=measure,
)
