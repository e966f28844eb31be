"""The classification loss."""

from timm.loss import LabelSmoothingCrossEntropy, SoftTargetCrossEntropy
from torch import nn

from parcnet.recipes import Augmentation


def classification_loss(augmentation: Augmentation) -> nn.Module:
    """Cross entropy of logits [B, C] with the recipe's label smoothing s, where p = softmax(logits):

        mixup or cutmix on     -sum_c t_c log p_c              targets t [B, C], already mixed and smoothed
        off                    -(1-s) log p_y - s mean_c log p_c      targets y [B], class indices

    Averaged over the batch, in nats.
    """
    if augmentation.mixup or augmentation.cutmix:
        return SoftTargetCrossEntropy()
    return LabelSmoothingCrossEntropy(augmentation.smoothing)
