"""Other ways to weigh a map by its gradient, through the package pytorch-grad-cam (the extra `explain`)."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from parcnet.base import UserError, unknown

Combination = Callable[[Tensor, Tensor], Tensor]
"""(activation, gradient), both [C, h, w] -> map [h, w], which may be negative."""

SPEAKS = "light places speak for the class"
METHODS: Mapping[str, tuple[str, str]] = {
    "gradcam": ("Grad-CAM", SPEAKS),
    "gradcam++": ("Grad-CAM++", SPEAKS),
    "xgradcam": ("XGrad-CAM", SPEAKS),
    "hirescam": ("HiResCAM", SPEAKS),
    "layercam": ("LayerCAM", SPEAKS),
    "eigencam": ("EigenCAM", "light places are those of the features' first principal component, whatever the class"),
    "eigengradcam": ("EigenGradCAM", "light places are those of the first principal component of feature x gradient"),
}
"""Name -> (as its paper writes it, what its map shows). Those that need one forward and one backward pass."""

_CLASSES = {
    "gradcam++": "GradCAMPlusPlus",
    "xgradcam": "XGradCAM",
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
    "eigencam": "EigenCAM",
    "eigengradcam": "EigenGradCAM",
}


def combination(method: str, model: nn.Module, layer: nn.Module) -> Combination:
    """How `method` makes a map of the activation and the gradient of `layer`.

    Raises `UserError` for an unknown method, with the nearest names, and where the package is missing.
    """
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    return _gradcam if method == "gradcam" else _of_the_package(method, model, layer)


def _gradcam(activation: Tensor, gradient: Tensor) -> Tensor:
    return (gradient.mean((1, 2), keepdim=True) * activation).sum(0)


def _of_the_package(method: str, model: nn.Module, layer: nn.Module) -> Combination:
    try:
        import pytorch_grad_cam  # here, for it is an extra
    except ImportError as error:
        raise UserError(f"--method {method} needs pytorch-grad-cam: pip install 'parcnet[explain]'.") from error
    kind: Any = getattr(pytorch_grad_cam, _CLASSES[method])

    def combine(activation: Tensor, gradient: Tensor) -> Tensor:
        arrays: list[NDArray[np.float32]] = [each[None].cpu().numpy() for each in (activation, gradient)]
        with kind(model, [layer]) as weigher:  # which hooks the layer, and lets go of it again
            found = weigher.get_cam_image(None, layer, None, *arrays, eigen_smooth=False)
        return torch.from_numpy(np.asarray(found[0], np.float32)).to(activation.device)

    return combine
