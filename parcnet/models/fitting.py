"""Fits weights to a network: resizes kernels of another image size, and loads all weights or none."""

from collections.abc import Mapping

from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.layers import MapSized


def fit_checkpoint(weights: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """`weights` with the kernels and embeddings of another image size resized to those of `model`."""
    fitted = dict(weights)
    for path, layer in model.named_modules():
        if isinstance(layer, MapSized):
            layer.fit_loaded(fitted, f"{path}.")
    return fitted


def load_exactly(model: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Load `weights` strictly into `model`; else raise UserError naming the mismatches, the model unchanged."""
    expected = model.state_dict()
    missing = [name for name in expected if name not in weights]
    unexpected = [name for name in weights if name not in expected]
    misshapen = [
        f"{name} {list(weights[name].shape)} for {list(tensor.shape)}"
        for name, tensor in expected.items()
        if name in weights and weights[name].shape != tensor.shape
    ]
    problems = [
        f"{what}: {', '.join(names[:5])}{f' and {len(names) - 5} more' if len(names) > 5 else ''}"
        for what, names in (("missing", missing), ("not in the network", unexpected), ("of another shape", misshapen))
        if names
    ]
    if problems:
        raise UserError(
            f"{source} do not fit this {type(model).__name__}; {'; '.join(problems)}. "
            "Build the network of that size, with that number of classes and input channels"
        )
    model.load_state_dict(dict(weights))
