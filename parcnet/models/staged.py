"""The base of every network here: stem, stages of blocks, head, and timm's whole interface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypedDict, TypeVar

import torch
from timm.layers import NormMlpClassifierHead, calculate_drop_path_rates
from timm.models import checkpoint_seq
from timm.models._features import feature_take_indices
from torch import Tensor, nn

from parcnet.layers import MapSized
from parcnet.layers.init import init_projection
from parcnet.models.map_sizes import map_sizes

Option = TypeVar("Option")


class NetworkStage(nn.Module):
    """Blocks on maps of one size, after a downsample (`nn.Identity()` where the stem makes the map)."""

    def __init__(self, downsample: nn.Module, blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.downsample = downsample
        self.blocks = nn.Sequential(*blocks)
        self.grad_checkpointing = False

    def forward(self, x: Tensor) -> Tensor:
        x = self.downsample(x)
        if self.grad_checkpointing and not torch.jit.is_scripting():
            return checkpoint_seq(self.blocks, x)
        return self.blocks(x)


def classifier_head(channels: int, num_classes: int, global_pool: str, drop_rate: float) -> NormMlpClassifierHead:
    """Global pool, LayerNorm (eps 1e-6), linear: the head of ConvNeXt and of the papers' four-stage networks."""
    head = NormMlpClassifierHead(channels, num_classes, pool_type=global_pool, drop_rate=drop_rate)
    if num_classes > 0:
        init_projection(head.fc)
    return head


class SharedArguments(TypedDict, total=False):
    """Arguments of every network besides its depths and dims; documented, with defaults, in `StagedNetwork`."""

    in_chans: int
    num_classes: int
    global_pool: str
    drop_rate: float
    drop_path_rate: float


class StagedNetwork(nn.Module):
    """Images -> stem -> stages -> head. A network inherits it and says how each of the three is built.

    stem            (in_chans, channels) -> [B, in_chans, H, W] to the map of the first stage, before its downsample.
    stage           (index, drop path rates of its blocks) -> a stage; its output is one of the network's features.
    head            (channels, num_classes, global_pool, drop_rate) -> a module as `classifier_head` builds it: called
                    with `pre_logits`, with `.fc` and timm's `reset`.
    stem_first      whether the stem draws its initial weights before the stages or after them: a seed then always gives
                    the same network.
    depths          blocks of each stage.
    dims            channels of each stage's map.
    in_chans        channels of the image.
    num_classes     of the linear classifier; 0 leaves it out.
    global_pool     timm's name of a pooling: "avg", "max", ...; "" for none.
    drop_rate       dropout before the classifier.
    drop_path_rate  of the last block; the rates rise linearly from 0 over all blocks.

    Stage i has stride 4 * 2^i.

    Shapes: [B, in_chans, H, W] -> logits [B, num_classes]; pooled features [B, C] with num_classes 0; and with
    global_pool "" the last map.
    """

    authors_name = ""  # without an annotation, which TorchScript would read
    """The authors' name of the network whose checkpoints `load_official_weights` converts; empty: there are none."""

    def __init__(
        self,
        stem: Callable[[int, int], nn.Module],
        stage: Callable[[int, list[float]], NetworkStage],
        head: Callable[[int, int, str, float], nn.Module] = classifier_head,
        *,
        depths: Sequence[int],
        dims: Sequence[int],
        in_chans: int = 3,
        num_classes: int = 1000,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        stem_first: bool = False,
    ) -> None:
        check_depths_and_dims(depths, dims)
        if in_chans < 1 or num_classes < 0:
            raise ValueError(f"in_chans {in_chans} must be at least 1, num_classes {num_classes} at least 0")
        if not 0 <= drop_path_rate < 1 or not 0 <= drop_rate < 1:
            raise ValueError(f"drop_path_rate {drop_path_rate} and drop_rate {drop_rate} must be in [0, 1)")
        super().__init__()
        self.num_classes = num_classes
        self.in_chans = in_chans
        self.drop_rate = drop_rate
        self.num_features = self.head_hidden_size = dims[-1]
        self.feature_info = [
            {"num_chs": dim, "reduction": 4 * 2**i, "module": f"stages.{i}"} for i, dim in enumerate(dims)
        ]
        rates = calculate_drop_path_rates(drop_path_rate, list(depths), stagewise=True)
        early_stem = stem(in_chans, dims[0]) if stem_first else None
        stages = [stage(i, rates[i]) for i in range(len(dims))]
        self.stem: Any = stem(in_chans, dims[0]) if early_stem is None else early_stem
        self.stages = nn.Sequential(*stages)
        self.head: Any = head(dims[-1], num_classes, global_pool, drop_rate)

    @torch.jit.ignore
    def map_sizes(self, img_size: int | tuple[int, int]) -> list[tuple[int, int]]:
        """The (H, W) of each stage's map for images of `img_size`. Networks with another stem override it."""
        return map_sizes(img_size, len(self.stages))

    def forward_features(self, x: Tensor) -> Tensor:
        """Images -> the last stage's map."""
        return self.stages(self.stem(x))

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """The last stage's map -> logits, or pooled and normed features with `pre_logits`."""
        return self.head(x, pre_logits=pre_logits)

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | list[int] | None = None,
        norm: bool = False,  # noqa: ARG002 - see below
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """Maps of the chosen stages (the last n for an int, all for None), with the final map by default.

        `norm` has no effect: it selects the final norm for the maps, which follows the pooling in these networks. It is
        accepted because timm's callers pass it to every network.
        """
        if output_fmt != "NCHW":
            raise ValueError(f"output_fmt is 'NCHW', got {output_fmt!r}: a convolutional network has no other format")
        taken, last = feature_take_indices(len(self.stages), indices)
        intermediates = []
        x = self.stem(x)
        for i, stage in enumerate(self.stages[: last + 1] if stop_early else self.stages):
            x = stage(x)
            if i in taken:
                intermediates.append(x)
        return intermediates if intermediates_only else (x, intermediates)

    @torch.jit.ignore
    def prune_intermediate_layers(
        self, indices: int | list[int] = 1, prune_norm: bool = False, prune_head: bool = True
    ) -> list[int]:
        """Remove the layers that the maps of the chosen stages do not need; returns the stages' indices."""
        taken, last = feature_take_indices(len(self.stages), indices)
        cut = last < len(self.stages) - 1
        self.stages = self.stages[: last + 1]
        if cut:
            self.num_features = self.head_hidden_size = self.feature_info[last]["num_chs"]
        if prune_norm or prune_head or cut:  # the head's norm has the last stage's channels
            self.reset_classifier(0, "", reset_other=True)
        return taken

    @torch.jit.ignore
    def get_classifier(self) -> nn.Module:
        """The linear layer that computes the logits."""
        return self.head.fc

    @torch.jit.ignore
    def reset_classifier(self, num_classes: int, global_pool: str | None = None, reset_other: bool = False) -> None:
        """A new classifier for `num_classes` (0: none); `reset_other` removes the head's norm too."""
        self.num_classes = num_classes
        self.head.reset(num_classes, global_pool, reset_other=reset_other, in_features=self.num_features)
        if num_classes > 0:
            init_projection(self.head.fc)

    @torch.jit.ignore
    def set_input_size(self, img_size: int | tuple[int, int]) -> None:
        """Resize the kernels for images of another size (H, W); under "fixed" they stay the same parameters."""
        for stage, map_size in zip(self.stages, self.map_sizes(img_size), strict=True):
            for module in stage.modules():
                if isinstance(module, MapSized):
                    module.set_map_size(map_size)

    @torch.jit.ignore
    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Recompute each block's activations in the backward pass instead of storing them."""
        for stage in self.stages.children():
            assert isinstance(stage, NetworkStage)
            stage.grad_checkpointing = enable

    @torch.jit.ignore
    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """timm's layer groups for layer-wise learning rate decay: one per stage (coarse) or per block (fine)."""
        fine = [(r"^stages\.(\d+)\.downsample", (0,)), (r"^stages\.(\d+)\.blocks\.(\d+)", None)]
        return {"stem": r"^stem", "blocks": r"^stages\.(\d+)" if coarse else fine}

    @torch.jit.ignore
    def no_weight_decay(self) -> set[str]:
        """Empty, as in the release: timm itself exempts 1-D parameters and biases."""
        return set()


def check_depths_and_dims(depths: Sequence[int], dims: Sequence[int]) -> None:
    """Raise ValueError for depths and dims that no network can have, before anything is built."""
    if len(depths) != len(dims):
        raise ValueError(f"depths {depths} and dims {dims} need one entry a stage each")
    if min(*depths, *dims) < 1:
        raise ValueError(f"depths {depths} and dims {dims} must be at least 1")


def per_stage(name: str, option: Option | tuple[Option, ...], stages: int) -> tuple[Option, ...]:
    """One option per stage, from one for all or one for each. Raises ValueError for another number of them."""
    if not isinstance(option, (tuple, list)):
        return (option,) * stages
    if len(option) != stages:
        raise ValueError(f"{name} is one value for all stages or one for each of {stages}, got {option!r}")
    return tuple(option)
