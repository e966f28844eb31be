"""Layers whose parameters depend on the size of the map."""

from collections.abc import MutableMapping

import torch
from torch import Tensor, nn


def _fit_on_loading(layer: "MapSized", state_dict: dict[str, Tensor], prefix: str, *_: object) -> None:
    layer.fit_loaded(state_dict, prefix)


class MapSized(nn.Module):
    """A layer with kernels or embeddings whose length depends on the size of the map.

    Weights trained for another size are resized when loaded, by `fit_loaded`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_load_state_dict_pre_hook(_fit_on_loading)

    @torch.jit.ignore
    def fit_loaded(self, weights: MutableMapping[str, Tensor], prefix: str) -> None:
        """Resize this layer's parameters in `weights`, trained for another map size, in place."""
        raise NotImplementedError

    @torch.jit.ignore
    def set_map_size(self, map_size: tuple[int, int]) -> None:
        """Replace the parameters by ones resized for another map size (H, W). Create the optimizer afterwards."""
        raise NotImplementedError
