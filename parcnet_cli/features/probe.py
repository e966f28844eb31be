"""`parcnet probe`: nearest neighbours and a linear classifier on frozen features."""

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
Evaluates frozen features: top-1 on the second set, by nearest neighbours in the first set and by a linear classifier
fitted to it. The picture shows test images next to their nearest training images.

  parcnet probe train.npz val.npz
  parcnet probe train.npz val.npz --picture neighbours.png --data-dir DIR
"""
_NEIGHBOURS = 5  # next to each query of the picture, which has six columns


@dataclass(frozen=True)
class ProbeOptions:
    """Which features, and how to evaluate them."""

    train: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="TRAIN")]
    """Features to fit to, with their labels."""
    test: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="TEST")]
    """Features to classify, of the same network."""
    k: int = 20
    """Number of neighbours that vote, with weights exp(cosine / 0.07)."""
    strength: float = 1.0
    """Inverse of the linear classifier's L2 penalty."""
    picture: Path | None = None
    """Draw a few test images next to their nearest training images into this file."""
    queries: int = 6
    """Number of rows of the picture."""
    data_dir: str | None = None
    """Location of the images for the picture, as for `parcnet features`."""
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """Print one JSON object instead of a table."""


def run(arguments: Sequence[str]) -> int:
    """Evaluates features and prints; exit code 0."""
    options = parse(ProbeOptions, "probe", _DESCRIPTION, arguments)
    check_picture("--picture", options.picture)

    from rich.markup import escape

    from parcnet.base import check_writable, say, table
    from parcnet.evaluation.features import knn_accuracy, linear_probe, read_features

    if options.picture is not None:
        check_writable(options.picture)
    train, test = read_features(options.train), read_features(options.test)
    figures = {
        f"{min(options.k, len(train.indices))} nearest neighbours": knn_accuracy(train, test, options.k),
        "linear classifier": linear_probe(train, test, strength=options.strength),
    }
    if options.as_json:
        print(json.dumps({"train": len(train.indices), "test": len(test.indices), **figures}, indent=2))
    else:
        sizes = [f"{len(each.indices)} images of {each.about['split']}" for each in (train, test)]
        rows = [(key, f"{top1:.2%}") for key, top1 in figures.items()]
        table(f"{test.about['model']}: {sizes[1]}, classified by {sizes[0]}", ("classifier", "top-1"), rows)
    if options.picture is not None:
        _draw(train, test, options)
        if not options.as_json:
            say(f"nearest neighbours: {escape(str(options.picture))}")
    return 0


def _draw(train: Features, test: Features, options: ProbeOptions) -> None:
    assert options.picture is not None
    import numpy as np

    from parcnet.base.spacing import evenly_spaced
    from parcnet.data import open_dataset
    from parcnet.evaluation.features import nearest_images
    from parcnet.plots import prediction_grid

    rows = evenly_spaced(len(test.indices), options.queries)
    positions, cosines = nearest_images(test, train, min(_NEIGHBOURS, len(train.indices)))
    here, there = (open_dataset(options.data_dir, features.about["split"]) for features in (test, train))
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
    prediction_grid(images, titles, right, options.picture)
