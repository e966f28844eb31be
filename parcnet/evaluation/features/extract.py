"""Images through a network's body, part by part, so that a stopped extraction goes on where it was."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from parcnet.base import UserError, check_writable
from parcnet.checkpoint.container import digest
from parcnet.data import ImageDataset, Preprocessing, eval_loader
from parcnet.evaluation.features.files import NPZ, Features, joined, read_about, read_features, write_part
from parcnet.tasks.predictor import torch_predictor

PART = 4096  # images a part: seconds of work lost when a process is killed, not hours

Note = Callable[[int, str], None]


@dataclass(frozen=True, slots=True)
class Extraction:
    """A network over a data set, and how to go through it. `rank` of `world` processes takes every world-th part."""

    network: nn.Module
    """With timm's forward_features and forward_head."""
    preprocessing: Preprocessing
    images: ImageDataset
    about: dict[str, Any]
    """What tells this extraction from others besides weights and data, e.g. the split; goes into every part."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype | None = None
    """That of autocast."""
    batch_size: int = 64
    workers: int = 0
    max_bad_images: int = 0
    rank: int = 0
    world: int = 1
    part: int = PART

    @property
    def parts(self) -> int:
        """In how many parts the features are kept."""
        return max(1, -(-len(self.images) // self.part))

    @property
    def share(self) -> int:
        """Images in the parts that this process has to make."""
        return sum(stop - start for _, start, stop in self.own())

    def own(self) -> Iterator[tuple[int, int, int]]:
        """(number, first image, image after the last) of the parts that this process has to make."""
        for number in range(self.rank, self.parts, self.world):
            yield number, number * self.part, min((number + 1) * self.part, len(self.images))

    def described(self) -> dict[str, Any]:
        """`about` with what else the features depend on, and a key: parts of equal keys belong together."""
        told = {
            **self.about,
            "weights": _fingerprint(self.network),
            "data": self.images.name,
            "images": len(self.images),
            "classes": list(self.images.classes),
            "preprocessing": self.preprocessing.to_dict(),
            "part": self.part,
        }
        text = json.dumps(told, sort_keys=True)
        return {**told, "key": hashlib.sha256(text.encode()).hexdigest()[:16]}


def extract(asked: Extraction, output: str | Path, note: Note = lambda *_: None) -> Features | None:
    """Writes the features [channels] of every image: pooled over the last map, before the classifier.

    `output` ending with .npz becomes one file; any other name a folder of parquet parts, which several processes may
    fill together (torchrun). Parts that are there already, of the same network and data, are not made again. `note` is
    told how many images are done. Returns the features, or None while other processes have parts to do.

    Raises `UserError` for an output that cannot be written or holds other features, and for unreadable images above
    `max_bad_images`.
    """
    output = Path(output)
    single = output.suffix == NPZ
    if single and asked.world > 1:
        raise UserError(f"{output} is one file, and {asked.world} processes write parts: choose a folder as output.")
    folder = output.with_name(f".{output.name}.parts") if single else output
    about = asked.described()
    check_writable(output if single else output / "part")
    if single and output.exists() and (read_about(output) or {}).get("key") != about["key"]:
        raise UserError(f"{output} exists and holds something else. Choose another output, or delete it.")
    paths = [folder / f"part-{k:05d}-of-{asked.parts:05d}{NPZ if single else '.parquet'}" for k in range(asked.parts)]
    if not single and (foreign := [path for path in folder.glob("part-*") if path not in paths]):
        raise UserError(f"{folder} holds other features ({foreign[0].name}). Choose another output, or delete it.")
    for number, start, stop in asked.own():
        found = read_about(paths[number])
        if found is None:
            write_part(paths[number], _part(asked, about, start, stop, note))
        elif found["key"] != about["key"]:
            raise UserError(f"{paths[number]} was made from something else. Choose another output, or delete {folder}.")
        else:
            note(stop - start, "done before")
    if not all(path.exists() for path in paths):
        return None
    if not single:
        return read_features(folder)
    whole = joined(read_features(path) for path in paths)
    write_part(output, whole)
    shutil.rmtree(folder)
    return whole


def _part(asked: Extraction, about: dict[str, Any], start: int, stop: int, note: Note) -> Features:
    images = _Slice(asked.images, start, stop)
    loader = eval_loader(
        images,
        transform=asked.preprocessing.transform(),
        batch_size=asked.batch_size,
        workers=asked.workers,
        max_bad_images=asked.max_bad_images,
    )
    vectors, indices = [], []
    with torch_predictor(_Body(asked.network), asked.device, asked.dtype) as see:
        for batch, places in loader:
            vectors.append(see(batch).float().cpu().numpy())
            indices += places.tolist()
            note(len(batch), asked.images.where(indices[-1]))
    if not vectors:
        raise UserError(f"none of the images {start} to {stop - 1} of {asked.images.name} could be read.")
    return Features(
        np.concatenate(vectors),
        np.array([asked.images.label(index) for index in indices], np.int64),
        np.array(indices, np.int64),
        tuple(asked.images.where(index) for index in indices),
        about,
    )


def _fingerprint(network: nn.Module) -> str:
    """A hash of all names and numbers of a network."""
    return digest({name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}, "")[:16]


class _Body(nn.Module):
    """A network of timm without its classifier."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network: Any = network

    def forward(self, images: Tensor) -> Tensor:
        pooled: Tensor = self.network.forward_head(self.network.forward_features(images), pre_logits=True)
        return pooled.flatten(1)


@dataclass(frozen=True, slots=True)
class _Slice:
    """Some consecutive images, labelled by their place in the whole data set: so it is known which could be read."""

    whole: ImageDataset
    start: int
    stop: int

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.whole.classes)

    @property
    def name(self) -> str:
        return self.whole.name

    def __len__(self) -> int:
        return self.stop - self.start

    def image(self, index: int) -> Image.Image:
        return self.whole.image(self.start + index)

    def label(self, index: int) -> int:
        return self.start + index

    def where(self, index: int) -> str:
        return self.whole.where(self.start + index)
