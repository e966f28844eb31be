"""ParCNetV2 (ICCV 2023): four stages of one uniform block, and its registered sizes."""

from __future__ import annotations

from typing import Any

import torch
from timm.layers import NormMlpClassifierHead, calculate_drop_path_rates, to_2tuple
from timm.models import checkpoint_seq, generate_default_cfgs, register_model
from timm.models._features import feature_take_indices
from torch import Tensor, nn

from parcnet.layers import Downsample, OversizedConv2d, ParCNetV2Block, Stem, downsampled, stemmed
from parcnet.layers.init import init_projection
from parcnet.models.creation import create, default_cfg


class ParCNetV2Stage(nn.Module):
    """Blocks on maps of one size, after a downsample (none in the first stage, whose map the stem makes)."""

    def __init__(self, downsample: nn.Module, blocks: list[ParCNetV2Block]) -> None:
        super().__init__()
        self.downsample = downsample
        self.blocks = nn.Sequential(*blocks)
        self.grad_checkpointing = False

    def forward(self, x: Tensor) -> Tensor:
        x = self.downsample(x)
        if self.grad_checkpointing and not torch.jit.is_scripting():
            return checkpoint_seq(self.blocks, x)
        return self.blocks(x)


class ParCNetV2(nn.Module):
    """Stem, four stages, head: global mean, LayerNorm, linear (ICCV 2023, Fig. 3d and Tab. 1).

    img_size        (H, W) in px, or one number; fixes the lengths 2H-1, 2W-1 of the oversized kernels. Images of any
                    other size and aspect ratio from 3 px up work, see `kernel_fit`.
    kernel_fit      "interpolate" (the text of the paper) or "fixed" (what its detection and segmentation numbers used).
    res_scale       a stage each: whether its shortcuts carry `ResScale` (the published networks: stages 3 and 4).
    drop_path_rate  of the last block; the rates rise linearly from 0 over all blocks.

    Shapes: [B, in_chans, H, W] -> logits [B, num_classes]; pooled features [B, C4] with num_classes 0; and with
    global_pool "" the last map [B, C4, H/32, W/32].
    """

    def __init__(
        self,
        *,
        depths: tuple[int, ...],
        dims: tuple[int, ...],
        img_size: int | tuple[int, int] = 224,
        in_chans: int = 3,
        num_classes: int = 1000,
        global_pool: str = "avg",
        kernel_fit: str = "interpolate",
        algorithm: str = "auto",
        local_kernel: int = 7,
        expansion: float = 2.5,
        res_scale: tuple[bool, ...] = (False, False, True, True),
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__()
        if not len(depths) == len(dims) == len(res_scale):
            raise ValueError(f"depths {depths}, dims {dims} and res_scale {res_scale} need one entry a stage each")
        if min(in_chans, *depths, *dims) < 1 or num_classes < 0:
            raise ValueError(
                f"in_chans {in_chans}, depths {depths} and dims {dims} must be at least 1, num_classes {num_classes} "
                "at least 0"
            )
        if not 0 <= drop_path_rate < 1 or not 0 <= drop_rate < 1:
            raise ValueError(f"drop_path_rate {drop_path_rate} and drop_rate {drop_rate} must be in [0, 1)")
        self.num_classes = num_classes
        self.in_chans = in_chans
        self.drop_rate = drop_rate
        self.num_features = self.head_hidden_size = dims[-1]
        self.feature_info = [
            {"num_chs": dim, "reduction": 4 * 2**i, "module": f"stages.{i}"} for i, dim in enumerate(dims)
        ]
        rates = calculate_drop_path_rates(drop_path_rate, list(depths), stagewise=True)
        self.stem = Stem(in_chans, dims[0])
        stages = []
        for i, map_size in enumerate(map_sizes(img_size, len(dims))):
            blocks = [
                ParCNetV2Block(
                    dims[i],
                    map_size,
                    expansion=expansion,
                    local_kernel=local_kernel,
                    res_scale=res_scale[i],
                    drop_path=rate,
                    kernel_fit=kernel_fit,
                    algorithm=algorithm,
                )
                for rate in rates[i]
            ]
            stages.append(ParCNetV2Stage(Downsample(dims[i - 1], dims[i]) if i else nn.Identity(), blocks))
        self.stages = nn.Sequential(*stages)
        self.head = NormMlpClassifierHead(self.num_features, num_classes, pool_type=global_pool, drop_rate=drop_rate)
        if num_classes > 0:
            init_projection(self.head.fc)

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
        """Maps of the chosen stages (the last n for an int, all for None), with the final map unless told otherwise.

        `norm` changes nothing: it asks for a norm of maps that have one, and the network's final norm follows its
        pooling. It is here because timm's callers pass it to every network.
        """
        if output_fmt != "NCHW":
            raise ValueError(
                f"output_fmt is 'NCHW', got {output_fmt!r}: the maps of a convolutional network have no other"
            )
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
        """Drop what the maps of the chosen stages do not need; returns the stages' indices."""
        taken, last = feature_take_indices(len(self.stages), indices)
        cut = last < len(self.stages) - 1
        self.stages = self.stages[: last + 1]
        if cut:
            self.num_features = self.head_hidden_size = self.feature_info[last]["num_chs"]
        if prune_norm or prune_head or cut:  # the head's norm is made for the last stage's channels
            self.reset_classifier(0, "", reset_other=True)
        return taken

    @torch.jit.ignore
    def get_classifier(self) -> nn.Module:
        """The linear layer that makes the logits."""
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
        """Fit the kernels to images of another size (H, W): new parameters under "interpolate", none under "fixed"."""
        for stage, map_size in zip(self.stages, map_sizes(img_size, len(self.stages)), strict=True):
            for module in stage.modules():
                if isinstance(module, OversizedConv2d):
                    module.set_map_size(map_size)

    @torch.jit.ignore
    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Recompute each block's activations in backward instead of keeping them."""
        for stage in self.stages.children():
            assert isinstance(stage, ParCNetV2Stage)
            stage.grad_checkpointing = enable

    @torch.jit.ignore
    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """timm's layer groups, for layer-wise learning rate decay: a stage (coarse) or a block (fine) each."""
        fine = [(r"^stages\.(\d+)\.downsample", (0,)), (r"^stages\.(\d+)\.blocks\.(\d+)", None)]
        return {"stem": r"^stem", "blocks": r"^stages\.(\d+)" if coarse else fine}

    @torch.jit.ignore
    def no_weight_decay(self) -> set[str]:
        """Nothing beyond the 1-D parameters and biases, which timm leaves out by itself (facts of the release)."""
        return set()


def map_sizes(img_size: int | tuple[int, int], stages: int = 4) -> list[tuple[int, int]]:
    """The (H, W) of each stage's map: 56, 28, 14, 7 for 224 px. Raises ValueError for anything but sides >= 3 px."""
    sides = tuple(to_2tuple(img_size))
    if len(sides) != 2 or not all(isinstance(side, int) and side >= 3 for side in sides):
        raise ValueError(
            f"img_size is {img_size!r}: expected a whole number of px or (height, width), each at least 3, because the "
            "stem divides them by 4"
        )
    sizes = [stemmed(sides)]
    while len(sizes) < stages:
        sizes.append(downsampled(sizes[-1]))
    return sizes


default_cfgs = generate_default_cfgs(
    {
        "parcnetv2_xt": default_cfg(),
        "parcnetv2_tiny": default_cfg(),
        "parcnetv2_small": default_cfg(),
        "parcnetv2_base": default_cfg(),
        "parcnetv2_digits": default_cfg(input_size=(3, 32, 32), pool_size=(1, 1), num_classes=10, crop_pct=1.0),
    }
)


@register_model
def parcnetv2_xt(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """ParCNetV2-XT: 7.4M parameters, 1.6G MACs (ICCV 2023, Tab. 1)."""
    return create(ParCNetV2, "parcnetv2_xt", pretrained, kwargs, depths=(3, 3, 9, 2), dims=(48, 96, 192, 320))


@register_model
def parcnetv2_tiny(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """ParCNetV2-T: 25M parameters, 4.3G MACs (ICCV 2023, Tab. 1)."""
    return create(ParCNetV2, "parcnetv2_tiny", pretrained, kwargs, depths=(3, 3, 12, 3), dims=(64, 128, 320, 512))


@register_model
def parcnetv2_small(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """ParCNetV2-S: 39M parameters, 7.8G MACs (ICCV 2023, Tab. 1)."""
    return create(ParCNetV2, "parcnetv2_small", pretrained, kwargs, depths=(3, 9, 24, 3), dims=(64, 128, 320, 512))


@register_model
def parcnetv2_base(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """ParCNetV2-B: 56M parameters, 12.5G MACs (ICCV 2023, Tab. 1)."""
    return create(ParCNetV2, "parcnetv2_base", pretrained, kwargs, depths=(3, 9, 24, 3), dims=(96, 192, 384, 576))


@register_model
def parcnetv2_digits(pretrained: bool = False, **kwargs: Any) -> ParCNetV2:
    """A ParCNetV2 of our own for 32 px images of ten classes, 0.43M parameters: `parcnet train` trains it in a minute.

    Its maps are 8, 4, 2 and 1 px: a block on the largest costs most, and width on the small ones next to nothing.
    """
    numbers = {"depths": (1, 1, 1, 1), "dims": (32, 64, 96, 96), "img_size": 32, "num_classes": 10}
    return create(ParCNetV2, "parcnetv2_digits", pretrained, kwargs, **numbers)
