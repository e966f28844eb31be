"""Small networks trained on crops of photographs, each result cached so that an interrupted run resumes."""

import dataclasses
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.base import UserError, atomic_path
from parcnet.data.device_seeds import seed_initial_weights
from parcnet.models import build
from parcnet.recipes import Optimizer
from parcnet.training.setup.optimizer import create_optimizer
from parcnet_lab.paper.claims.crops import as_batch, held_out_crops, resized, training_crops
from parcnet_lab.paper.claims.photographs import NAMES
from parcnet_lab.paper.claims.result_cache import cache_path, cached

_REVISION = 1  # to be raised when this file changes what a recipe means: invalidates cached results


@dataclass(frozen=True, slots=True)
class CropRecipe:
    """How every network of an experiment is trained: AdamW, linear warm-up, cosine to 0, label smoothing.

    size        side of a crop as the network sees it, px
    test_crops  of each photograph's test region
    """

    steps: int = 160
    batch: int = 32
    size: int = 96
    lr: float = 3e-3
    weight_decay: float = 0.05
    warmup: float = 0.15
    smoothing: float = 0.1
    clip_grad: float = 5.0
    test_crops: int = 24


QUICK = CropRecipe(steps=6, batch=12, size=64, test_crops=3)


@dataclass(frozen=True, slots=True)
class SmallNetwork:
    """A registered network under a short name, with the arguments that make it small."""

    name: str
    network: str
    model_args: Mapping[str, Any] = field(default_factory=dict)

    def build(self, recipe: CropRecipe) -> nn.Module:
        """Builds it in channels_last memory for grey crops of the recipe's size, one class a photograph."""
        common = {"in_chans": 1, "num_classes": len(NAMES), "img_size": recipe.size}
        model = build(self.network, **{**common, **self.model_args})
        return model.to(memory_format=torch.channels_last)


@dataclass(frozen=True, slots=True)
class Trained:
    """Result of one training: accuracy on the test regions in [0, 1], cross entropy in nats, duration in seconds."""

    top1: float
    loss: float
    train_loss: float
    params: int
    seconds: float


def trained(subject: SmallNetwork, seed: int, recipe: CropRecipe, folder: Path, *, keep: bool = False) -> Trained:
    """Trains, or reads the cached result in `folder`; `keep` stores the weights there too.

    Cached results are used only when network, numbers, recipe, seed and the versions of parcnet and torch are the same.
    """
    path = _record(subject, seed, recipe, folder)
    weights = path.with_suffix(".safetensors")
    if keep and not weights.exists():
        path.unlink(missing_ok=True)

    def compute() -> dict[str, Any]:
        started = time.perf_counter()
        seed_initial_weights(seed)
        model = subject.build(recipe)
        train_loss = _train(model, seed, recipe)
        top1, loss = score(model, recipe)
        params = sum(parameter.numel() for parameter in model.parameters())
        if keep:
            with atomic_path(weights) as temporary:
                save_file({name: value.contiguous() for name, value in model.state_dict().items()}, temporary)
        return dataclasses.asdict(Trained(top1, loss, train_loss, params, time.perf_counter() - started))

    return Trained(**cached(path, compute))


def kept(subject: SmallNetwork, seed: int, recipe: CropRecipe, folder: Path) -> nn.Module:
    """The trained network in eval mode, trained now unless its weights are stored."""
    trained(subject, seed, recipe, folder, keep=True)
    model = subject.build(recipe)
    model.load_state_dict(load_file(_record(subject, seed, recipe, folder).with_suffix(".safetensors")))
    return model.eval()


def score(model: nn.Module, recipe: CropRecipe) -> tuple[float, float]:
    """Accuracy in [0, 1] and cross entropy in nats on the test crops."""
    crops, labels = held_out_crops(recipe.test_crops)
    logits = answers(model, resized(crops, recipe.size, recipe.size))
    return (logits.argmax(1) == labels).float().mean().item(), F.cross_entropy(logits, labels).item()


def answers(model: nn.Module, images: Tensor) -> Tensor:
    """Logits [B, classes] in eval mode, 48 images at a time; the mode is restored."""
    mode = model.training
    model.eval()
    try:
        with torch.inference_mode():
            parts = [model(part.contiguous(memory_format=torch.channels_last)) for part in images.split(48)]
    finally:
        model.train(mode)
    return torch.cat(parts)


def _train(model: nn.Module, seed: int, recipe: CropRecipe) -> float:
    """Trains in place; the mean loss over the last tenth of the steps, in nats."""
    crops, labels = training_crops(seed, recipe.steps, recipe.size, recipe.batch)
    optimizer = create_optimizer(model, Optimizer(lr=recipe.lr, weight_decay=recipe.weight_decay))
    model.train()
    losses = []
    for step in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.lr * _share(step, recipe)
        images = as_batch(crops[step]).contiguous(memory_format=torch.channels_last)
        loss = F.cross_entropy(model(images), labels[step], label_smoothing=recipe.smoothing)
        if not math.isfinite(loss.item()):
            raise UserError(f"the loss of a small network became {loss.item()} at step {step}: seed {seed}, {recipe}.")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_grad)
        optimizer.step()
        losses.append(loss.item())
    last = losses[-max(1, recipe.steps // 10) :]
    return sum(last) / len(last)


def _share(step: int, recipe: CropRecipe) -> float:
    warm = max(1, round(recipe.warmup * recipe.steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, recipe.steps - warm)))


def _record(subject: SmallNetwork, seed: int, recipe: CropRecipe, folder: Path) -> Path:
    what = [_REVISION, dataclasses.asdict(subject), seed, dataclasses.asdict(recipe), NAMES]
    return cache_path(folder, f"{subject.name}-seed{seed}", what)
