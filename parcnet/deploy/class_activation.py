"""A second output for classifiers: how much each place of the last map speaks for each class.

With A the map [C, h, w] that the head pools, Grad-CAM (Selvaraju et al., ICCV 2017) weighs its channels by

    w_kc = mean_{i,j} d y_k / d A[c,i,j]        heat_k[i,j] = sum_c w_kc A[c,i,j]

which is `parcnet.explain.gradcam` before its ReLU. No gradient is needed where the head is a mean over the places and
a linear layer, with or without a LayerNorm between: with p the mean, n = (p - mean p) / s the norm without its weight
gamma, s = sqrt(var p + eps), V = W diag(gamma) and V' = V less the mean of each row,

    w_k = W_k / hw                              without a norm: then sum_{i,j} heat_k + bias_k = y_k (CAM)
    w_k = (V'_k - n (V'_k . n) / C) / (s hw)    with a norm, whose derivative is (I - 11'/C - nn'/C) / s

so that the maps of all classes are one 1x1 convolution of A by V', and with a norm a product taken off.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from parcnet.base import UserError
from parcnet.explain.hooks import captured
from parcnet.models.heads import PreparedHead

OUTPUTS = ("logits", "heat")
"""Names of what a network with heat answers: [B, K] and [B, K, h, w]."""

_CHUNK = 2**24
"""Numbers in the gradients that are held at a time."""


class NoHeat(UserError):
    """The network's head is none for which the maps are known in closed form; the message says why."""


class ClassMaps(nn.Module):
    """Features -> the maps of every class, by the formula of this file.

    prepare     the head's layer before its mean, or the identity
    weight      W diag(gamma), [K, C]
    eps         of the norm; None: there is none

    Shapes: [B, C, h, w], or [B, h, w, C] of networks that keep channels last -> [B, K, h, w].
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
        evidence = F.conv2d(x, self.weight)
        if self.eps is not None:
            pooled = x.mean((2, 3), keepdim=True)
            centred = pooled - pooled.mean(1, keepdim=True)
            scale = torch.sqrt(centred.square().mean(1, keepdim=True) + self.eps)
            normed = centred / scale
            along = F.conv2d(normed, self.weight) / self.weight.shape[1]
            evidence = (evidence - along * (normed * x).sum(1, keepdim=True)) / scale
        return evidence / (x.shape[2] * x.shape[3])


class WithHeat(nn.Module):
    """A classifier that answers `OUTPUTS`. Shapes: [B, C, H, W] -> [B, K], [B, K, h, w]."""

    def __init__(self, network: nn.Module, maps: ClassMaps) -> None:
        super().__init__()
        self.network = network
        self.maps = maps

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        network: Any = self.network
        features = network.forward_features(image)
        return network.forward_head(features), self.maps(features)


class WithGradientHeat(WithHeat):
    """The same by differentiating the network's own head: the reference that an exported file is compared with."""

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        network: Any = self.network
        with torch.no_grad():
            features = network.forward_features(image)
        with torch.inference_mode(False), torch.enable_grad():
            if isinstance(getattr(network, "head", None), PreparedHead):
                with captured(network.head.prepare, leaf=True) as seen:
                    logits = network.forward_head(features.clone())
                leaf = seen.output
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
        found = []
        for unit in units.split(max(1, _CHUNK // leaf.numel())):
            (slopes,) = torch.autograd.grad(logits, leaf, unit, retain_graph=True, is_grads_batched=True)
            found.append(
                torch.stack([_channels_first(each, self.maps.weight.shape[1]).mean((2, 3)) for each in slopes])
            )
        return torch.cat(found)


def class_maps(network: nn.Module, image: Tensor) -> ClassMaps:
    """The maps of a classifier in eval mode, tried on `image` [B, C, H, W].

    Known are the heads of all classifiers here, and those of timm that are global mean, LayerNorm or none, linear.
    Raises `NoHeat` for every other, found by its answers to a random map, and where the last map is a single place.
    """
    called = type(network).__name__
    model: Any = network
    if not all(hasattr(network, name) for name in ("forward_features", "forward_head", "get_classifier")):
        raise NoHeat(f"a {called} has no forward_features, forward_head and get_classifier, as classifiers of timm do.")
    head, linear = getattr(network, "head", None), model.get_classifier()
    weight = getattr(linear, "weight", None)
    if not isinstance(linear, nn.Linear | nn.Conv2d) or weight is None or weight.flatten(1).shape != weight.shape[:2]:
        raise NoHeat(f"the classifier of this {called} is a {type(linear).__name__}, expected one linear layer.")
    norm = getattr(head, "norm", None)
    norm = norm if isinstance(norm, nn.LayerNorm) else None
    prepare = head.prepare if isinstance(head, PreparedHead) else nn.Identity()
    weight = weight.flatten(1)
    weighted = weight if norm is None or norm.weight is None else weight * norm.weight
    with torch.no_grad():
        features = model.forward_features(image)
        if not isinstance(features, Tensor) or features.dim() != 4:
            raise NoHeat(f"the features of this {called} are no map [B, C, h, w].")
        maps = ClassMaps(prepare, weighted, None if norm is None else norm.eps)
        x = _channels_first(maps.prepare(features), weight.shape[1])
        if x.shape[1] != weight.shape[1]:
            raise NoHeat(f"this {called} pools {x.shape[1]} channels, and its classifier takes {weight.shape[1]}.")
        if x.shape[2] * x.shape[3] == 1:
            raise NoHeat("the network's last map is a single place for images of this size: a larger size has more.")
        _check(network, features, image, prepare, norm, linear)
    return maps


def _check(
    network: nn.Module, features: Tensor, image: Tensor, prepare: nn.Module, norm: nn.LayerNorm | None, linear: Any
) -> None:
    """Raises `NoHeat` unless the head is what `ClassMaps` takes it for."""
    model: Any = network
    generator = torch.Generator().manual_seed(0)
    random = torch.randn(features.shape, generator=generator) * features.std() + features.mean()
    wanted = model.forward_head(random)
    channels = linear.weight.shape[1]
    pooled = _channels_first(prepare(random), channels).mean((2, 3), keepdim=True)
    normed = pooled if norm is None else F.layer_norm(pooled.flatten(1), (channels,), norm.weight, norm.bias, norm.eps)
    found = F.linear(normed.flatten(1), linear.weight.flatten(1), linear.bias)
    whole = torch.allclose(model(image), model.forward_head(features), rtol=1e-3, atol=1e-4)
    if found.shape != wanted.shape or not torch.allclose(found, wanted, rtol=1e-3, atol=1e-4) or not whole:
        raise NoHeat(
            f"the head of this {type(network).__name__} is not a mean over the map, a LayerNorm or none, and a linear "
            "layer."
        )


def _channels_first(x: Tensor, channels: int) -> Tensor:
    """A map [B, h, w, C] turned; what has its channels first is left alone."""
    return x.permute(0, 3, 1, 2) if x.shape[1] != channels and x.shape[3] == channels else x
