"""The multi-label loss, and mixing for its targets."""

import inspect

import torch.nn.functional as F
from timm.data import Mixup
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.recipes import Augmentation


class MultiLabelLoss(nn.Module):
    """Binary cross entropy of independent classes; with label smoothing s, t' = (1-s) t + s/2 and p = sigmoid(logits):

        L = -mean_{b,c} [ t'_bc log p_bc + (1 - t'_bc) log(1 - p_bc) ]      nats

    Shapes: logits and targets t in [0, 1], [B, C] each -> a scalar. As timm's `BinaryCrossEntropy(smooth_dense=True)`.
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        super().__init__()
        self.smoothing = smoothing

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        smoothed = targets * (1 - self.smoothing) + 0.5 * self.smoothing
        return F.binary_cross_entropy_with_logits(logits, smoothed)


def multilabel_loss(augmentation: Augmentation) -> MultiLabelLoss:
    """The loss as a recipe asks for it; with mixup or cutmix the targets come smoothed from `multilabel_mixup`."""
    mixed = augmentation.mixup or augmentation.cutmix
    return MultiLabelLoss(0.0 if mixed else augmentation.smoothing)


def multilabel_mixup(augmentation: Augmentation, classes: int) -> Mixup | None:
    """timm's mixup and cutmix on targets [B, C] in [0, 1], which are smoothed and then mixed as the images are.

    None when the recipe uses neither. Draws from numpy's global generator; the batch size must be even. Raises
    `UserError` where timm's Mixup knows class indices only.
    """
    if not (augmentation.mixup or augmentation.cutmix):
        return None
    if "multi_label" not in inspect.signature(Mixup).parameters:
        raise UserError(
            f"mixup is {augmentation.mixup!r} and cutmix {augmentation.cutmix!r}, but the Mixup of the installed timm "
            "takes one class an image: leave both out, or install timm 1.0.31 or later."
        )
    return Mixup(
        mixup_alpha=augmentation.mixup,
        cutmix_alpha=augmentation.cutmix,
        switch_prob=augmentation.mixup_switch_prob,
        label_smoothing=augmentation.smoothing,
        num_classes=classes,
        multi_label=True,
    )
