"""Grad-CAM: which regions of a feature map are evidence for a class (Selvaraju et al., ICCV 2017; supplement J)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.base import UserError, progress
from parcnet.explain.cam_methods import combination
from parcnet.explain.hooks import borrowed, captured
from parcnet.explain.target_layers import as_map, layer_name
from parcnet.tasks.class_scores import ClassScores
from parcnet.tasks.finite import check_finite


@dataclass(frozen=True, slots=True)
class GradCam:
    """Class activation maps, one per image."""

    layer: str
    """Name of the module whose feature map is explained."""
    maps: NDArray[np.float32]
    """[N, h, w]: class activation maps at the layer's resolution, non-negative, on the scale of the logit."""
    heat: NDArray[np.float32]
    """[N, H, W]: the same, upsampled bilinearly to the image and divided by its maximum; all zero when no position is
    evidence for the class."""
    classes: NDArray[np.int64]
    """[N]: the explained class."""
    probabilities: NDArray[np.float32]
    """[N]: its softmax probability; for a segmenter its share of the pixels, for a detector its highest score."""
    method: str = "gradcam"
    """A key of `METHODS`."""


def gradcam(
    model: nn.Module,
    images: Tensor,
    *,
    layer: str | None = None,
    target: int | Sequence[int] | None = None,
    method: str = "gradcam",
    device: torch.device | None = None,
    dtype: str = "fp32",
) -> GradCam:
    """Grad-CAM of a classifier, or of `parcnet.tasks.class_scores`, on preprocessed images [N, C, H, W].

        w_c = mean_{i,j} d y_target / d A[c,i,j]        map[i,j] = relu(sum_c w_c A[c,i,j])

    A is the output of `layer`: a module's name, a stage's number from 1, None for the last stage. `target` is one class
    for all images, one per image, or None for the most probable. `method` is one of `METHODS`: all but gradcam replace
    the second formula, through pytorch-grad-cam. The network is left unchanged.

    Raises `UserError` for an unknown layer or one without a feature map, a network without classes, a class out of
    range, an unknown method, and a missing package.
    """
    name = layer_name(model, layer)
    targets = _targets(target, len(images))
    combine = combination(method, model, model.get_submodule(name))
    maps, heats, classes, probabilities = [], [], [], []
    with (
        borrowed(model, device, dtype),
        captured(model.get_submodule(name), leaf=True) as features,
        progress("Grad-CAM", len(images), "images") as advance,
    ):
        for image, requested in zip(images, targets, strict=True):
            scores, per_class = _scores(model, image)
            check_finite([scores, per_class], "the network")
            chosen = int(per_class.argmax()) if requested is None else _in_range(requested, len(scores))
            if features.output is None:
                raise UserError(f"{name} does not run on this image, or returns no tensor; name another layer.")
            gradient = _gradient(scores[chosen], features.output)
            pair = (as_map(model, name, each.detach())[0].float() for each in (features.output, gradient))
            class_map = combine(*pair).relu()
            heat = F.interpolate(class_map[None, None], image.shape[1:], mode="bilinear", align_corners=False)[0, 0]
            maps.append(class_map.cpu().numpy())
            heats.append((heat / heat.max().clamp(min=torch.finfo(torch.float32).tiny)).cpu().numpy())
            classes.append(chosen)
            probabilities.append(float(per_class[chosen]))
            advance(1, "")
    return GradCam(
        layer=name,
        maps=np.stack(maps),
        heat=np.stack(heats),
        classes=np.array(classes, np.int64),
        probabilities=np.array(probabilities, np.float32),
        method=method,
    )


def _scores(model: nn.Module, image: Tensor) -> tuple[Tensor, Tensor]:
    """(scores to differentiate, probabilities to report), both [classes]."""
    device: Any = next((parameter.device for parameter in model.parameters()), image.device)
    logits = model(image[None].to(device))
    if isinstance(logits, ClassScores):
        return logits.scores[0], logits.confidence[0].detach().float()
    if not isinstance(logits, Tensor) or logits.dim() != 2 or logits.shape[1] < 1:
        raise UserError(
            f"a {type(model).__name__} that returns no logits [images, classes] has no class to explain; expected a "
            "classifier."
        )
    return logits[0], logits[0].detach().float().softmax(0)


def _gradient(logit: Tensor, activation: Tensor) -> Tensor:
    """d logit / d activation; zero for a layer that does not influence the logit."""
    if not logit.requires_grad:
        return torch.zeros_like(activation)
    (gradient,) = torch.autograd.grad(logit, activation, allow_unused=True)
    return torch.zeros_like(activation) if gradient is None else gradient


def _targets(target: int | Sequence[int] | None, images: int) -> Sequence[int | None]:
    if images < 1:
        raise UserError("no image given: Grad-CAM needs at least one.")
    if target is None or isinstance(target, int):
        return [target] * images
    if len(target) != images:
        raise UserError(f"{len(target)} classes for {images} images; give one for all, or one per image.")
    return list(target)


def _in_range(target: int, classes: int) -> int:
    if not 0 <= target < classes:
        raise UserError(f"class {target} is out of range; this network has classes 0 to {classes - 1}.")
    return target
