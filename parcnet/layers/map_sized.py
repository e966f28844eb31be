"""Layers whose parameters are made for one map size."""

from collections.abc import MutableMapping

import torch
from torch import Tensor, nn


def _fit_on_loading(layer: "MapSized", state_dict: dict[str, Tensor], prefix: str, *_: object) -> None:
    layer.fit_loaded(state_dict, prefix)


class MapSized(nn.Module):
    """A layer with kernels or embeddings as long as the map, and how they meet maps of another size.

    Weights trained for another size are fitted when loaded, by `fit_loaded`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_load_state_dict_pre_hook(_fit_on_loading)

    @torch.jit.ignore
    def fit_loaded(self, weights: MutableMapping[str, Tensor], prefix: str) -> None:
        """Fit this layer's parameters among `weights`, trained for another map size, to its own, in place."""
        raise NotImplementedError

    @torch.jit.ignore
    def set_map_size(self, map_size: tuple[int, int]) -> None:
        """Replace the parameters by ones fitted to another map size (H, W). Build the optimiser afterwards."""
        raise NotImplementedError
