"""The weights that a network of a task starts from, copied by name, with a report of what was used."""

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
    """How the tensors of a checkpoint were used."""

    source: str
    """The checkpoint's path."""
    model: str
    """The checkpoint's network."""
    used: int
    fresh: tuple[str, ...]
    """Tensors of the network that keep their initial values."""
    unused: tuple[str, ...]
    """Tensors of the checkpoint that match none of the network."""

    def __str__(self) -> str:
        parts = [f"weights of {self.model} from {self.source}: {self.used} tensors used"]
        parts += [f"{len(self.unused)} unused ({_some(self.unused)})"] if self.unused else []
        parts += [f"{len(self.fresh)} initialised anew ({_some(self.fresh)})"] if self.fresh else []
        return ", ".join(parts)


def start_from(network: nn.Module, backbone: Backbone, recipe: Recipe) -> LoadReport | None:
    """Copies in the weights that the recipe starts from: a classifier's into the backbone, its own task's everywhere.

    None for none. Raises `UserError` for weights that do not fit.
    """
    path = recipe.network.initial_checkpoint
    if path is None:
        return None
    given = checkpoint.read(path)
    if given.metadata.task == recipe.task:
        return load_matching(network, given, path)
    return load_backbone(backbone, path)


def load_backbone(backbone: Backbone, path: str) -> LoadReport:
    """Copies a classifier's weights into the backbone, all but those of its head; kernels are refitted.

    Classifiers have no norms of the maps: these keep their initial values. Raises `UserError` for a checkpoint that is
    no classifier or holds another network, naming what is missing; the backbone is then unchanged.
    """
    given = checkpoint.read(path)
    if not task_named(given.metadata.task, path).timm_network:
        raise UserError(f"{path} is a checkpoint of {given.metadata.task}; a backbone starts from a classifier's.")
    own = {_plain(name): name for name in backbone.net.state_dict()}
    renamed = {own[_plain(name)]: value for name, value in given.weights.items() if _plain(name) in own}
    unused = tuple(name for name in given.weights if _plain(name) not in own)
    _all_or_nothing(backbone.net, renamed, f"the weights of {path} ({given.metadata.model})")
    fresh = tuple(f"norms.{name}" for name in backbone.norms.state_dict())
    return LoadReport(str(path), given.metadata.model, len(renamed), fresh, unused)


def load_matching(network: nn.Module, given: checkpoint.Checkpoint, path: str) -> LoadReport:
    """Copies weights of the same task where names and shapes agree; the rest keeps its initial values."""
    fitted = fit_checkpoint(given.weights, network)
    own = network.state_dict()
    matching = {name: value for name, value in fitted.items() if name in own and own[name].shape == value.shape}
    if not matching:
        raise UserError(f"the weights of {path} ({given.metadata.model}) fit nowhere in this {type(network).__name__}.")
    network.load_state_dict(matching, strict=False)
    fresh = tuple(name for name in own if name not in matching)
    unused = tuple(name for name in given.weights if name not in matching)
    return LoadReport(str(path), given.metadata.model, len(matching), fresh, unused)


def _all_or_nothing(net: nn.Module, weights: Mapping[str, Tensor], called: str) -> None:
    fitted = fit_checkpoint(weights, net)
    own = net.state_dict()
    missing = [name for name in own if name not in fitted]
    misshapen = [name for name, value in own.items() if name in fitted and fitted[name].shape != value.shape]
    if missing or misshapen:
        what = f"it lacks {_some(missing)}" if missing else f"another shape have {_some(misshapen)}"
        raise UserError(
            f"{called} do not fit this backbone: {what}. Use the network, and model_args, it was made with."
        )
    net.load_state_dict(dict(fitted))


def _plain(name: str) -> str:
    """A parameter's name whether its network is flattened (stages_0.blocks) or not (stages.0.blocks)."""
    return name.removeprefix("model.").replace(".", "_")


def _some(names: Sequence[str], limit: int = 3) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
