"""Classification: what a network's logits are trained against, and what they say."""

from collections.abc import Sequence

from timm.loss import LabelSmoothingCrossEntropy, SoftTargetCrossEntropy
from torch import Tensor, nn

from parcnet.recipes import Augmentation


def training_loss(augmentation: Augmentation) -> nn.Module:
    """The loss for logits [B, C] that a recipe asks for; with smoothing s and p = softmax(logits):

        mixup or cutmix on     -sum_c t_c log p_c              targets t [B, C], already mixed and smoothed
        off                    -(1-s) log p_y - s mean_c log p_c      targets y [B], class indices

    The mean over the batch, in nats.
    """
    if augmentation.mixup or augmentation.cutmix:
        return SoftTargetCrossEntropy()
    return LabelSmoothingCrossEntropy(augmentation.smoothing)


def top_k(logits: Tensor, classes: Sequence[str], k: int) -> list[list[tuple[str, float]]]:
    """The k likeliest (name, probability) of each row of logits [B, C], the likeliest first; all C if k > C."""
    values, indices = logits.float().softmax(dim=-1).topk(min(k, logits.shape[-1]))
    return [
        [(classes[index], value) for index, value in zip(row, shares, strict=True)]
        for row, shares in zip(indices.tolist(), values.tolist(), strict=True)
    ]
