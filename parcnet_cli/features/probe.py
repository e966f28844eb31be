"""`parcnet probe`: what frozen features are good for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from parcnet_cli.common.arguments import parse
from parcnet_cli.common.pictures import check_picture

if TYPE_CHECKING:
    from parcnet.evaluation.features import Features

_DESCRIPTION = """\
What frozen features are good for: top-1 of the second set by the nearest neighbours in the first, and by a linear
classifier fitted to it. The picture shows images beside those most alike.

  parcnet probe train.npz val.npz
  parcnet probe train.npz val.npz --picture neighbours.png --data-dir DIR
"""
_NEIGHBOURS = 5  # beside each query of the picture, which has six columns


@dataclass(frozen=True)
class Arguments:
    """Which features, and how they are tried."""

    train: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="TRAIN")]
    """Features whose labels are known to the classifiers."""
    test: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="TEST")]
    """Features whose labels are to be found, of the same network."""
    k: int = 20
    """Neighbours that vote, weighing exp(cosine / 0.07)."""
    strength: float = 1.0
    """Inverse of the linear classifier's L2 penalty."""
    picture: Path | None = None
    """Draw a few test images beside their nearest training images into this file."""
    queries: int = 6
    """Rows of the picture."""
    data_dir: str | None = None
    """Where the images of the picture are, as for `parcnet features`."""
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """One JSON object instead of a table."""


def run(arguments: Sequence[str]) -> int:
    """Tries features and prints; exit code 0."""
    asked = parse(Arguments, "probe", _DESCRIPTION, arguments)
    check_picture("--picture", asked.picture)

    from parcnet.base import check_writable, say, table
    from parcnet.evaluation.features import knn_accuracy, linear_probe, read_features

    if asked.picture is not None:
        check_writable(asked.picture)
    train, test = read_features(asked.train), read_features(asked.test)
    figures = {
        f"{min(asked.k, len(train.indices))} nearest neighbours": knn_accuracy(train, test, asked.k),
        "linear classifier": linear_probe(train, test, strength=asked.strength),
    }
    if asked.as_json:
        print(json.dumps({"train": len(train.indices), "test": len(test.indices), **figures}, indent=2))
    else:
        title = f"{test.about['model']}: {len(train.indices)} images of {train.about['split']} tell {len(test.indices)}"
        rows = [(key, f"{top1:.2%}") for key, top1 in figures.items()]
        table(f"{title} of {test.about['split']}", ("by", "top-1"), rows)
    if asked.picture is not None:
        _draw(train, test, asked)
        if not asked.as_json:
            say(f"nearest neighbours: {asked.picture}")
    return 0


def _draw(train: Features, test: Features, asked: Arguments) -> None:
    assert asked.picture is not None
    import numpy as np

    from parcnet.data import open_dataset
    from parcnet.evaluation.features import nearest_images
    from parcnet.plots import prediction_grid

    rows = np.linspace(0, len(test.indices) - 1, min(asked.queries, len(test.indices))).astype(int)
    positions, cosines = nearest_images(test, train, min(_NEIGHBOURS, len(train.indices)))
    here, there = (open_dataset(asked.data_dir, features.about["split"]) for features in (test, train))
    images, titles, right = [], [], []
    for row in rows:
        label = test.labels[row]
        images.append(np.asarray(here.image(int(test.indices[row]))))
        titles.append(f"query: {test.classes[label]}")
        right.append(True)
        for position, cosine in zip(positions[row], cosines[row], strict=True):
            images.append(np.asarray(there.image(int(train.indices[position]))))
            titles.append(f"{train.classes[train.labels[position]]} {cosine:.2f}")
            right.append(bool(train.labels[position] == label))
    prediction_grid(images, titles, right, asked.picture)
