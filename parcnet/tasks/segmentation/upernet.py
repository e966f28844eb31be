"""UperNet (Xiao et al., ECCV 2018) over any backbone, with the heads of transformers."""

import importlib
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.tasks.backbone import Backbone, build_backbone

_AUXILIARY_LEVEL = 2  # the map of stride 16, from the third stage
_CLASSIFIER_STD = 0.01


class Segmenter(nn.Module):
    """Images [B, C, H, W], any size -> logits [B, K, H, W], upsampled from stride 4 (bilinear).

    backbone   four normalised feature maps of strides 4 to 32
    decoder    UperNet: pyramid pooling of the last map, a feature pyramid, their concatenation, dropout, classifier
    auxiliary  a small fully convolutional head on the map of stride 16, or None; used only in training

    In training mode: (logits of the decoder [B, K, H/4, W/4], logits of the auxiliary head [B, K, H/16, W/16] or None),
    which `SegmentationLoss` takes. Pyramid pooling has a BatchNorm over one value per channel and image, so
    training needs at least two images at a time.
    """

    task = "segmentation"
    """Name of the task, for `task_of_network`."""

    def __init__(self, backbone: Backbone, decoder: nn.Module, auxiliary: nn.Module | None) -> None:
        super().__init__()
        self.backbone = backbone
        self.decoder = decoder
        self.auxiliary = auxiliary

    def forward(self, images: Tensor) -> Any:
        maps = self.backbone(images)
        logits = self.decoder(maps)
        if self.training:
            return logits, None if self.auxiliary is None else self.auxiliary(maps)
        return F.interpolate(logits, images.shape[-2:], mode="bilinear", align_corners=False)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Recompute the backbone's activations in the backward pass instead of storing them."""
        self.backbone.set_grad_checkpointing(enable)


def segmenter(
    backbone: Backbone,
    classes: int,
    *,
    channels: int = 512,
    auxiliary_channels: int | None = 256,
    dropout: float = 0.1,
) -> Segmenter:
    """UperNet over `backbone`; `auxiliary_channels=None` omits the auxiliary head.

    Raises `UserError` where transformers is not installed.
    """
    config = _config(classes, channels, auxiliary_channels or 1)
    heads = _transformers("transformers.models.upernet.modeling_upernet")
    decoder = heads.UperNetHead(config, list(backbone.channels))
    auxiliary = heads.UperNetFCNHead(config, list(backbone.channels), _AUXILIARY_LEVEL) if auxiliary_channels else None
    for head in (decoder, auxiliary):
        if head is not None:
            _initialise(head)
            head.classifier = nn.Sequential(nn.Dropout2d(dropout), head.classifier)
    return Segmenter(backbone, decoder, auxiliary)


def segmenter_of(metadata: Metadata) -> Segmenter:
    """The network that a checkpoint describes, randomly initialised."""
    return segmenter(
        build_backbone(metadata.model, metadata.model_args), len(metadata.classes), **metadata.task_args["decoder"]
    )


def _config(classes: int, channels: int, auxiliary_channels: int) -> Any:
    kind = _transformers("transformers").UperNetConfig
    return kind(
        num_labels=classes,
        hidden_size=channels,
        auxiliary_channels=auxiliary_channels,
        auxiliary_in_channels=None,
        auxiliary_num_convs=1,
        auxiliary_concat_input=False,
    )


def _initialise(head: nn.Module) -> None:
    """As in the framework of the published recipes: He initialisation of convolutions, small normal of classifiers."""
    for name, module in head.named_modules():
        if isinstance(module, nn.Conv2d):
            if name == "classifier":
                nn.init.normal_(module.weight, std=_CLASSIFIER_STD)
            else:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _transformers(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(f"segmentation needs transformers ({error}): pip install 'parcnet[downstream]'.") from None
