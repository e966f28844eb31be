"""Initial weights from a checkpoint, matched by name, with a report of what was used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.models.fitting import fit_checkpoint
from parcnet.recipes import Recipe
from parcnet.tasks.backbone import Backbone
from parcnet.tasks.lookup import task_named


@dataclass(frozen=True, slots=True)
class LoadReport:
    """Which tensors of a checkpoint were used."""

    source: str
    """The checkpoint's path."""
    model: str
    """The checkpoint's network."""
    used: int
    fresh: tuple[str, ...]
    """Tensors of the network that keep their random initial values."""
    unused: tuple[str, ...]
    """Tensors of the checkpoint without a counterpart in the network."""

    def __str__(self) -> str:
        parts = [f"weights of {self.model} from {self.source}: {self.used} tensors used"]
        parts += [f"{len(self.unused)} unused ({_some(self.unused)})"] if self.unused else []
        parts += [f"{len(self.fresh)} randomly initialised ({_some(self.fresh)})"] if self.fresh else []
        return ", ".join(parts)


def start_from(network: nn.Module, backbone: Backbone, recipe: Recipe) -> LoadReport | None:
    """Loads the initial checkpoint: a classifier's into the backbone, one of the same task into the whole network.

    Returns None when the recipe names none. Raises `UserError` for weights that do not fit.
    """
    path = recipe.network.initial_checkpoint
    if path is None:
        return None
    source = checkpoint.read(path)
    if source.metadata.task == recipe.task:
        return load_matching(network, source, path)
    return load_backbone(backbone, path)


def load_backbone(backbone: Backbone, path: str) -> LoadReport:
    """Loads a classifier's weights, except the head's, into the backbone; kernels are resized to its maps.

    The norms of the feature maps keep their initial values, since classifiers have none. Raises `UserError` for a
    checkpoint of another network or not of a classifier, leaving the backbone unchanged.
    """
    source = checkpoint.read(path)
    if not task_named(source.metadata.task, path).timm_network:
        raise UserError(f"{path} is a checkpoint of {source.metadata.task}; expected one of a classifier.")
    own = {_plain(name): name for name in backbone.net.state_dict()}
    renamed = {own[_plain(name)]: value for name, value in source.weights.items() if _plain(name) in own}
    unused = tuple(name for name in source.weights if _plain(name) not in own)
    _load_all_or_none(backbone.net, renamed, f"the weights of {path} ({source.metadata.model})")
    fresh = tuple(f"norms.{name}" for name in backbone.norms.state_dict())
    return LoadReport(str(path), source.metadata.model, len(renamed), fresh, unused)


def load_matching(network: nn.Module, source: checkpoint.Checkpoint, path: str) -> LoadReport:
    """Loads the weights whose names and shapes match; the other parameters keep their initial values."""
    fitted = fit_checkpoint(source.weights, network)
    own = network.state_dict()
    matching = {name: value for name, value in fitted.items() if name in own and own[name].shape == value.shape}
    if not matching:
        raise UserError(
            f"no weight of {path} ({source.metadata.model}) fits this {type(network).__name__}: "
            "use a checkpoint of the same network."
        )
    network.load_state_dict(matching, strict=False)
    fresh = tuple(name for name in own if name not in matching)
    unused = tuple(name for name in source.weights if name not in matching)
    return LoadReport(str(path), source.metadata.model, len(matching), fresh, unused)


def _load_all_or_none(net: nn.Module, weights: Mapping[str, Tensor], description: str) -> None:
    fitted = fit_checkpoint(weights, net)
    own = net.state_dict()
    missing = [name for name in own if name not in fitted]
    misshapen = [name for name, value in own.items() if name in fitted and fitted[name].shape != value.shape]
    if missing or misshapen:
        what = f"missing {_some(missing)}" if missing else f"different shapes of {_some(misshapen)}"
        raise UserError(
            f"{description} do not fit this backbone: {what}. Use the network and model_args of the checkpoint."
        )
    net.load_state_dict(dict(fitted))


def _plain(name: str) -> str:
    """A parameter's name, equal for flattened (stages_0.blocks) and nested (stages.0.blocks) networks."""
    return name.removeprefix("model.").replace(".", "_")


def _some(names: Sequence[str], limit: int = 3) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
