"""Class activation maps as a second output of a classifier.

With A the feature map [C, h, w] that the head pools, Grad-CAM (Selvaraju et al., ICCV 2017) weights its channels by

    w_kc = mean_{i,j} d y_k / d A[c,i,j]        heat_k[i,j] = sum_c w_kc A[c,i,j]

which is `parcnet.explain.gradcam` before its ReLU. It has a closed form without gradients when the head is global
average pooling and a linear layer, with or without a LayerNorm between: with p the mean, n = (p - mean p) / s the norm
without its weight gamma, s = sqrt(var p + eps), V = W diag(gamma) and V' = V minus the mean of each row,

    w_k = W_k / hw                              without a norm: then sum_{i,j} heat_k + bias_k = y_k (CAM)
    w_k = (V'_k - n (V'_k . n) / C) / (s hw)    with a norm, whose derivative is (I - 11'/C - nn'/C) / s

so that the maps of all classes are a 1x1 convolution of A with V', minus a product if there is a norm.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.base import UserError
from parcnet.explain.hooks import captured
from parcnet.models.heads import PreparedHead

OUTPUTS = ("logits", "heat")
"""Names of the outputs of a network with class activation maps: [B, K] and [B, K, h, w]."""

_CHUNK = 2**24
"""Largest number of gradient values in memory at a time."""


class NoClassActivation(UserError):
    """The maps have no closed form for the network's head; the message gives the reason."""


class ClassActivationMaps(nn.Module):
    """Features -> class activation maps of every class, by the closed form above.

    prepare     the head's layer before pooling, or the identity
    weight      W diag(gamma), [K, C]
    eps         of the norm; None without a norm

    Shapes: [B, C, h, w], or [B, h, w, C] of NHWC networks -> [B, K, h, w].
    """

    weight: Tensor

    def __init__(self, prepare: nn.Module, weight: Tensor, eps: float | None) -> None:
        super().__init__()
        self.prepare = prepare
        self.eps = eps
        centred = weight if eps is None else weight - weight.mean(1, keepdim=True)
        self.register_buffer("weight", centred.detach().clone()[:, :, None, None])

    def forward(self, features: Tensor) -> Tensor:
        x = _channels_first(self.prepare(features), self.weight.shape[1])
        maps = F.conv2d(x, self.weight)
        if self.eps is not None:
            pooled = x.mean((2, 3), keepdim=True)
            centred = pooled - pooled.mean(1, keepdim=True)
            scale = torch.sqrt(centred.square().mean(1, keepdim=True) + self.eps)
            normed = centred / scale
            projection = F.conv2d(normed, self.weight) / self.weight.shape[1]
            maps = (maps - projection * (normed * x).sum(1, keepdim=True)) / scale
        return maps / (x.shape[2] * x.shape[3])


class WithClassActivation(nn.Module):
    """A classifier that returns `OUTPUTS`. Shapes: [B, C, H, W] -> [B, K], [B, K, h, w]."""

    def __init__(self, network: nn.Module, maps: ClassActivationMaps) -> None:
        super().__init__()
        self.network = network
        self.maps = maps

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        network: Any = self.network
        features = network.forward_features(image)
        return network.forward_head(features), self.maps(features)


class WithGradientClassActivation(WithClassActivation):
    """The same by differentiating the network's own head: the reference for an exported file."""

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        network: Any = self.network
        with torch.no_grad():
            features = network.forward_features(image)
        with torch.inference_mode(False), torch.enable_grad():
            if isinstance(getattr(network, "head", None), PreparedHead):
                with captured(network.head.prepare, leaf=True) as prepared:
                    logits = network.forward_head(features.clone())
                leaf = prepared.output
                assert leaf is not None
            else:
                leaf = features.clone().requires_grad_()
                logits = network.forward_head(leaf)
            weights = self._weights(logits, leaf)
            x = _channels_first(leaf.detach(), self.maps.weight.shape[1])
            return logits.detach(), torch.einsum("kbc,bchw->bkhw", weights, x)

    def _weights(self, logits: Tensor, leaf: Tensor) -> Tensor:
        """mean_{i,j} d y_k / d A[c,i,j], [K, B, C]."""
        units = torch.eye(logits.shape[1])[:, None].expand(-1, len(logits), -1)
        weights = []
        for unit in units.split(max(1, _CHUNK // leaf.numel())):
            (gradients,) = torch.autograd.grad(logits, leaf, unit, retain_graph=True, is_grads_batched=True)
            weights.append(
                torch.stack([_channels_first(each, self.maps.weight.shape[1]).mean((2, 3)) for each in gradients])
            )
        return torch.cat(weights)


def class_activation_maps(network: nn.Module, image: Tensor) -> ClassActivationMaps:
    """The maps of a classifier in eval mode, verified on `image` [B, C, H, W].

    Supports the heads of all parcnet classifiers and those of timm that are global average pooling, an optional
    LayerNorm and a linear layer. Raises `NoClassActivation` for any other head, which is detected by its output for
    random features, and for a last feature map with a single position.
    """
    name = type(network).__name__
    model: Any = network
    if not all(hasattr(network, method) for method in ("forward_features", "forward_head", "get_classifier")):
        raise NoClassActivation(
            f"a {name} lacks forward_features, forward_head or get_classifier; expected timm's classifier interface."
        )
    head, linear = getattr(network, "head", None), model.get_classifier()
    weight = getattr(linear, "weight", None)
    if not isinstance(linear, nn.Linear | nn.Conv2d) or weight is None or weight.flatten(1).shape != weight.shape[:2]:
        raise NoClassActivation(f"the classifier of this {name} is {type(linear).__name__}; expected one linear layer.")
    norm = getattr(head, "norm", None)
    norm = norm if isinstance(norm, nn.LayerNorm) else None
    prepare = head.prepare if isinstance(head, PreparedHead) else nn.Identity()
    weight = weight.flatten(1)
    weighted = weight if norm is None or norm.weight is None else weight * norm.weight
    with torch.no_grad():
        features = model.forward_features(image)
        if not isinstance(features, Tensor) or features.dim() != 4:
            raise NoClassActivation(f"the features of this {name} are not a feature map [B, C, h, w].")
        maps = ClassActivationMaps(prepare, weighted, None if norm is None else norm.eps)
        x = _channels_first(maps.prepare(features), weight.shape[1])
        if x.shape[1] != weight.shape[1]:
            raise NoClassActivation(
                f"this {name} pools {x.shape[1]} channels, but its classifier takes {weight.shape[1]}."
            )
        if x.shape[2] * x.shape[3] == 1:
            raise NoClassActivation(
                "the network's last feature map has a single position for images of this size: use a larger size."
            )
        _check(network, features, image, prepare, norm, linear)
    return maps


def _check(
    network: nn.Module, features: Tensor, image: Tensor, prepare: nn.Module, norm: nn.LayerNorm | None, linear: Any
) -> None:
    """Raises `NoClassActivation` unless the head equals pooling, the optional norm and the linear layer."""
    model: Any = network
    generator = torch.Generator().manual_seed(0)
    random = torch.randn(features.shape, generator=generator) * features.std() + features.mean()
    expected = model.forward_head(random)
    channels = linear.weight.shape[1]
    pooled = _channels_first(prepare(random), channels).mean((2, 3), keepdim=True)
    normed = pooled if norm is None else F.layer_norm(pooled.flatten(1), (channels,), norm.weight, norm.bias, norm.eps)
    logits = F.linear(normed.flatten(1), linear.weight.flatten(1), linear.bias)
    same_forward = torch.allclose(model(image), model.forward_head(features), rtol=1e-3, atol=1e-4)
    if logits.shape != expected.shape or not torch.allclose(logits, expected, rtol=1e-3, atol=1e-4) or not same_forward:
        raise NoClassActivation(
            f"the head of this {type(network).__name__} is not global average pooling, an optional LayerNorm and a "
            "linear layer."
        )


def _channels_first(x: Tensor, channels: int) -> Tensor:
    """[B, h, w, C] -> [B, C, h, w]; NCHW input is returned unchanged."""
    return x.permute(0, 3, 1, 2) if x.shape[1] != channels and x.shape[3] == channels else x
