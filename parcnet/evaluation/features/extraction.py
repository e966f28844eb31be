"""Feature extraction in parts, so that a stopped extraction resumes with the first missing part."""

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
from parcnet.evaluation.features.feature_files import (
    NPZ,
    Features,
    concatenated,
    read_about,
    read_features,
    write_features,
)
from parcnet.tasks.predictor import torch_predictor

PART_SIZE = 4096  # images: a killed process loses seconds of work, not hours

Advance = Callable[[int, str], None]


@dataclass(frozen=True, slots=True)
class Extraction:
    """A network, a data set, and how to run one over the other. Process `rank` of `world_size` extracts every
    `world_size`-th part.
    """

    network: nn.Module
    """With timm's forward_features and forward_head."""
    preprocessing: Preprocessing
    images: ImageDataset
    about: dict[str, Any]
    """What identifies this extraction besides weights and data, e.g. the split; stored in every part."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype | None = None
    """For autocast; None: no autocast."""
    batch_size: int = 64
    workers: int = 0
    max_bad_images: int = 0
    rank: int = 0
    world_size: int = 1
    part_size: int = PART_SIZE

    @property
    def num_parts(self) -> int:
        """Parts of the whole data set."""
        return max(1, -(-len(self.images) // self.part_size))

    @property
    def num_own_images(self) -> int:
        """Images in the parts of this process."""
        return sum(stop - start for _, start, stop in self.own_parts())

    def own_parts(self) -> Iterator[tuple[int, int, int]]:
        """(number, start, stop) of each part of this process; `stop` is exclusive."""
        for number in range(self.rank, self.num_parts, self.world_size):
            yield number, number * self.part_size, min((number + 1) * self.part_size, len(self.images))

    def full_about(self) -> dict[str, Any]:
        """`about`, everything else that the features depend on, and a key: parts with equal keys belong together."""
        about = {
            **self.about,
            "weights": _fingerprint(self.network),
            "data": self.images.name,
            "images": len(self.images),
            "classes": list(self.images.classes),
            "preprocessing": self.preprocessing.to_dict(),
            "part": self.part_size,
        }
        text = json.dumps(about, sort_keys=True)
        return {**about, "key": hashlib.sha256(text.encode()).hexdigest()[:16]}


def extract(extraction: Extraction, output: str | Path, advance: Advance = lambda *_: None) -> Features | None:
    """Writes the features [channels] of every image: the last map, pooled, before the classifier.

    `output` is one .npz file, or a folder of parquet parts, which several processes may fill together (torchrun).
    Existing parts of the same network and data are kept. `advance(images, what)` reports progress. Returns the
    features, or None while other processes have parts to write.

    Raises `UserError` for an output that cannot be written or holds other features, and for more unreadable images than
    `max_bad_images`.
    """
    output = Path(output)
    single = output.suffix == NPZ
    if single and extraction.world_size > 1:
        raise UserError(
            f"{output} is one file, and {extraction.world_size} processes write parts: choose a folder as output."
        )
    folder = output.with_name(f".{output.name}.parts") if single else output
    about = extraction.full_about()
    check_writable(output if single else output / "part")
    if single and output.exists() and (read_about(output) or {}).get("key") != about["key"]:
        raise UserError(f"{output} exists and holds other data. Choose another output, or delete it.")
    count, suffix = extraction.num_parts, NPZ if single else ".parquet"
    paths = [folder / f"part-{number:05d}-of-{count:05d}{suffix}" for number in range(count)]
    if not single and (foreign := [path for path in folder.glob("part-*") if path not in paths]):
        raise UserError(f"{folder} holds other features ({foreign[0].name}). Choose another output, or delete it.")
    for number, start, stop in extraction.own_parts():
        found = read_about(paths[number])
        if found is None:
            write_features(paths[number], _extract_part(extraction, about, start, stop, advance))
        elif found["key"] != about["key"]:
            raise UserError(
                f"{paths[number]} is from another network or data set. Choose another output, or delete {folder}."
            )
        else:
            advance(stop - start, "already extracted")
    if not all(path.exists() for path in paths):
        return None
    if not single:
        return read_features(folder)
    whole = concatenated(read_features(path) for path in paths)
    write_features(output, whole)
    shutil.rmtree(folder)
    return whole


def _extract_part(extraction: Extraction, about: dict[str, Any], start: int, stop: int, advance: Advance) -> Features:
    images = extraction.images
    loader = eval_loader(
        _IndexedSlice(images, start, stop),
        transform=extraction.preprocessing.transform(),
        batch_size=extraction.batch_size,
        workers=extraction.workers,
        max_bad_images=extraction.max_bad_images,
    )
    vectors, indices = [], []
    with torch_predictor(_PooledFeatures(extraction.network), extraction.device, extraction.dtype) as predictor:
        for batch, batch_indices in loader:
            vectors.append(predictor(batch).float().cpu().numpy())
            indices += batch_indices.tolist()
            advance(len(batch), images.where(indices[-1]))
    if not vectors:
        raise UserError(f"none of the images {start} to {stop - 1} of {images.name} could be read.")
    return Features(
        np.concatenate(vectors),
        np.array([images.label(index) for index in indices], np.int64),
        np.array(indices, np.int64),
        tuple(images.where(index) for index in indices),
        about,
    )


def _fingerprint(network: nn.Module) -> str:
    """A hash of a network's parameter and buffer names and values."""
    return digest({name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}, "")[:16]


class _PooledFeatures(nn.Module):
    """A timm network without its classifier."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network: Any = network

    def forward(self, images: Tensor) -> Tensor:
        pooled: Tensor = self.network.forward_head(self.network.forward_features(images), pre_logits=True)
        return pooled.flatten(1)


@dataclass(frozen=True, slots=True)
class _IndexedSlice:
    """Consecutive images, labelled by their index in the whole data set, which tells which of them were readable."""

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
