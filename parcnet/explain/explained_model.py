"""A network to explain, by name or from a file, with its preprocessing, and the images it is explained on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from timm.data import ImageNetInfo, resolve_model_data_config
from torch import Tensor, nn

from parcnet.base import UserError, nearest, unknown
from parcnet.base.whole_numbers import whole_number
from parcnet.data import Preprocessing, open_dataset, open_image, preserved_randomness, reseed
from parcnet.data.folders import image_files
from parcnet.models import build, load_official_weights
from parcnet.models.fitting import fit_checkpoint, load_exactly
from parcnet.models.official import FAMILIES, read, unwrapped
from parcnet.models.staged import StagedNetwork
from parcnet.tasks.class_scores import ScoredNetwork
from parcnet.tasks.loading import load_checkpoint


@dataclass(frozen=True, slots=True)
class ExplainedModel:
    """A network in eval mode, its preprocessing and its classes."""

    name: str
    """The registered name."""
    model: nn.Module
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    """Names in the order of the logits."""
    trained: bool
    data: str | None = None
    """What it was trained on, where its file says so."""
    scored: ScoredNetwork | None = None
    """What Grad-CAM differentiates in networks other than classifiers."""
    backbone_only: bool = False
    """Whether `model` is the backbone of a larger network."""

    @property
    def classifier(self) -> nn.Module:
        """What Grad-CAM explains."""
        return self.model if self.scored is None else self.scored

    @property
    def measure(self) -> str:
        """What Grad-CAM's `probabilities` are, in words."""
        return "probability" if self.scored is None else self.scored.measure

    @property
    def title(self) -> str:
        """The name, for pictures."""
        return self.name if self.trained else f"{self.name} (untrained)"


@dataclass(frozen=True, slots=True)
class Images:
    """Images as a network sees them."""

    names: tuple[str, ...]
    tensor: Tensor
    """[N, C, H, W], preprocessed."""
    pictures: NDArray[np.uint8]
    """[N, H, W] or [N, H, W, 3]: the same, for display."""


def open_model(text: str, size: tuple[int, int] | None = None) -> ExplainedModel:
    """The network that `text` means: CHECKPOINT, NAME:CHECKPOINT, or NAME alone for untrained weights (seed 0).

    CHECKPOINT is a file of ours or a run folder, of any task; after NAME, any network of ours or timm's, also the plain
    weights that timm or the authors of ParCNet publish. `size` (H, W) px replaces the image size it was trained at.

    Raises `UserError` for anything else, with the nearest names.
    """
    name, _, path = text.partition(":")
    if Path(text).exists():
        found = _of_checkpoint(Path(text))
    elif not timm.is_model(name.split(".")[0]):
        if path or ("/" not in text and Path(text).suffix == "" and nearest(name, timm.list_models())):
            raise unknown("network or checkpoint", name, timm.list_models(), "`parcnet models` lists our networks.")
        found = _of_checkpoint(Path(text))  # which says what is missing
    elif path:
        found = _named(name, Path(path))
    else:
        with preserved_randomness():
            reseed(0)
            found = _described(name, build(name), trained=False)
    return found if size is None else _resized(found, size)


def read_images(
    found: ExplainedModel, paths: Sequence[Path], *, limit: int, margin: int = 0, data: str | None = None
) -> Images:
    """The images in files and folders, preprocessed for the network; at most `limit`, the first in order of names.

    Without paths those of the embedded digits, where `data` (None: what the network was trained on) is these. `margin`
    px are added to both sides of the size. Raises `UserError` for an image that cannot be read, and where there are
    none.
    """
    preprocessing = found.preprocessing
    if margin:
        height, width = preprocessing.size
        preprocessing = _with(preprocessing, (height + margin, width + margin))
    transform = preprocessing.transform()
    if paths:
        files = [file for path in paths for file in ([path] if not path.is_dir() else image_files(path))]
        if not files:
            raise UserError(f"no images in {', '.join(map(str, paths))}; expected image files, or folders of them.")
        names = [file.stem for file in files[:limit]]
        tensors = [transform(open_image(file, channels=preprocessing.channels)) for file in files[:limit]]
    elif (data or found.data) == "digits":
        digits = open_dataset(None, "test")
        names = [digits.where(index) for index in range(min(limit, len(digits)))]
        tensors = [transform(digits.image(index)) for index in range(len(names))]
    else:
        raise UserError("no image given; name image files, or folders of them.")
    tensor = torch.stack(tensors)
    return Images(tuple(names), tensor, pictures(tensor, preprocessing))


def pictures(tensor: Tensor, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Preprocessed images [N, C, H, W] -> what they look like: uint8 [N, H, W, 3], or [N, H, W] of one channel."""
    mean, std = (torch.tensor(each)[:, None, None] for each in (preprocessing.mean, preprocessing.std))
    levels = ((tensor * std + mean) * 255).round().clamp(0, 255).byte()
    return levels[:, 0].numpy() if levels.shape[1] == 1 else levels.permute(0, 2, 3, 1).numpy()


def class_number(found: ExplainedModel, wanted: str | None) -> int | None:
    """The number of a class given by name or number; None for None. Raises `UserError` with the nearest names."""
    if wanted is None:
        return None
    if wanted in found.classes:  # first: the digits' names are numbers too
        return found.classes.index(wanted)
    number = whole_number(wanted)
    if number is not None:
        if 0 <= number < len(found.classes):
            return number
        raise UserError(
            f"class {wanted} is out of range; {found.name} has classes 0 to {len(found.classes) - 1}, from "
            f"{found.classes[0]} to {found.classes[-1]}."
        )
    raise unknown(f"class of {found.name}", wanted, found.classes, "Give a name, or a number from 0.")


def _of_checkpoint(path: Path) -> ExplainedModel:
    loaded = load_checkpoint(path)
    metadata = loaded.metadata
    explained = loaded.task.explained(loaded.network, metadata)
    preprocessing = Preprocessing.from_dict(metadata.preprocessing)
    return ExplainedModel(
        metadata.model,
        explained.backbone,
        preprocessing,
        metadata.classes,
        trained=True,
        data=metadata.data,
        scored=explained.scored,
        backbone_only=explained.backbone is not loaded.network,
    )


def _named(name: str, path: Path) -> ExplainedModel:
    if path.is_dir() or _is_ours(path):
        found = _of_checkpoint(path)
        if found.name != name:
            raise UserError(f"{path} holds a {found.name}, not a {name}; name it as it is, or the file alone.")
        return found
    weights = unwrapped(read(path))
    model = build(name)
    if isinstance(model, tuple(family.network for family in FAMILIES)) and not set(weights) <= set(model.state_dict()):
        load_official_weights(model, weights)
        return _described(name, model, trained=True)
    classifier = getattr(model, "pretrained_cfg", {}).get("classifier")
    head = weights.get(f"{classifier}.weight") if isinstance(classifier, str) else None
    if head is not None and head.shape[0] != getattr(model, "num_classes", head.shape[0]):
        model = build(name, num_classes=head.shape[0])
    load_exactly(model, fit_checkpoint(weights, model), f"the weights of {path}")
    return _described(name, model, trained=True)


def _is_ours(path: Path) -> bool:
    """Whether the file says that parcnet wrote it."""
    if path.suffix != ".safetensors" or not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(1 << 20)
    return b'"parcnet":' in start


def _described(name: str, model: nn.Module, *, trained: bool) -> ExplainedModel:
    config: dict[str, Any] = resolve_model_data_config(model)
    preprocessing = Preprocessing(
        size=(config["input_size"][1], config["input_size"][2]),
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        interpolation=config["interpolation"],
        crop_pct=config["crop_pct"],
    )
    count = int(getattr(model, "num_classes", 0))
    classes = tuple(map(str, range(count)))
    if count == 1000 and trained:
        names = ImageNetInfo("imagenet-1k")
        classes = tuple(names.index_to_description(index).split(",")[0] for index in range(count))
    return ExplainedModel(name, model.eval(), preprocessing, classes, trained)


def _resized(found: ExplainedModel, size: tuple[int, int]) -> ExplainedModel:
    fit: Any = getattr(found.model, "set_input_size", None)
    if fit is not None and not isinstance(found.model, StagedNetwork):
        fit(img_size=size)  # networks of timm that are built for one size
    preprocessing = _with(found.preprocessing, size)
    return replace(found, preprocessing=preprocessing)


def _with(preprocessing: Preprocessing, size: tuple[int, int]) -> Preprocessing:
    return Preprocessing.from_dict({**preprocessing.to_dict(), "size": list(size)})
