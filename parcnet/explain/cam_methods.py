"""Class activation methods: Grad-CAM, and its variants through pytorch-grad-cam (the extra `explain`)."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from parcnet.base import UserError, unknown

Combination = Callable[[Tensor, Tensor], Tensor]
"""(activation, gradient), both [C, h, w] -> map [h, w], possibly negative."""

_EVIDENCE = "bright regions are evidence for the class"
METHODS: Mapping[str, tuple[str, str]] = {
    "gradcam": ("Grad-CAM", _EVIDENCE),
    "gradcam++": ("Grad-CAM++", _EVIDENCE),
    "xgradcam": ("XGrad-CAM", _EVIDENCE),
    "hirescam": ("HiResCAM", _EVIDENCE),
    "layercam": ("LayerCAM", _EVIDENCE),
    "eigencam": ("EigenCAM", "bright regions follow the first principal component of the features, for any class"),
    "eigengradcam": ("EigenGradCAM", "bright regions follow the first principal component of feature x gradient"),
}
"""Name -> (spelling in its paper, what its map shows): the methods with one forward and one backward pass."""

_CLASSES = {
    "gradcam++": "GradCAMPlusPlus",
    "xgradcam": "XGradCAM",
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
    "eigencam": "EigenCAM",
    "eigengradcam": "EigenGradCAM",
}


def combination(method: str, model: nn.Module, layer: nn.Module) -> Combination:
    """The function by which `method` combines activation and gradient of `layer` into a map.

    Raises `UserError` for an unknown method, with the nearest names, and when pytorch-grad-cam is missing.
    """
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    return _gradcam if method == "gradcam" else _from_package(method, model, layer)


def _gradcam(activation: Tensor, gradient: Tensor) -> Tensor:
    return (gradient.mean((1, 2), keepdim=True) * activation).sum(0)


def _from_package(method: str, model: nn.Module, layer: nn.Module) -> Combination:
    try:
        import pytorch_grad_cam  # optional dependency
    except ImportError as error:
        raise UserError(f"--method {method} needs pytorch-grad-cam: pip install 'parcnet[explain]'.") from error
    kind: Any = getattr(pytorch_grad_cam, _CLASSES[method])

    def combine(activation: Tensor, gradient: Tensor) -> Tensor:
        arrays: list[NDArray[np.float32]] = [each[None].cpu().numpy() for each in (activation, gradient)]
        with kind(model, [layer]) as cam:  # hooks the layer, and removes the hook on exit
            maps = cam.get_cam_image(None, layer, None, *arrays, eigen_smooth=False)
        return torch.from_numpy(np.asarray(maps[0], np.float32)).to(activation.device)

    return combine
