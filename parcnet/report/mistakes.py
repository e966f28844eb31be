"""What is taken for what, and the worst mistakes with what spoke for them."""

import shlex

import numpy as np
import torch
from numpy.typing import NDArray

from parcnet.base import UserError
from parcnet.base.page import PagePicture, PageTable, page_picture
from parcnet.explain import gradcam
from parcnet.explain.explained_model import pictures
from parcnet.explain.target_layers import deepest_resolved_stage
from parcnet.plots import confusion
from parcnet.plots.confusion import most_confused
from parcnet.plots.overlays import overlaid
from parcnet.report.evaluated_images import EvaluatedImages
from parcnet.report.run_record import RunRecord
from parcnet.report.section import Album, Card, Section

_PAIRS = 10


def confused(run: RunRecord, evaluated: EvaluatedImages | None, why_not: str, album: Album) -> Section:
    """The confusion matrix; without data the picture that the run left."""
    slug, title = "confusion", "What is taken for what"
    if evaluated is None:
        if not run.folder.confusion.is_file():
            return Section(slug, title, missing=[why_not])
        left = page_picture(
            run.folder.confusion,
            "Confusion matrix, drawn when the run ended; its counts cannot be listed without the images.",
            "Drawn when the run ended.",
        )
        return Section(slug, title, missing=[why_not], pictures=[left])
    matrix = evaluated.scores.confusion
    if matrix is None:
        return Section(slug, title, missing=[f"{len(run.explained.classes)} classes are too many to count."])
    pairs = most_confused(matrix, _PAIRS)
    names = run.explained.classes
    rows = [(names[true], names[said], count, f"{count / matrix[true].sum():.1%}") for true, said, count in pairs]
    worst = f"Most often {names[pairs[0][0]]} is taken for {names[pairs[0][1]]}." if pairs else "No mistakes."
    right = int(np.trace(matrix))
    picture = album.drawn(
        lambda path: confusion(matrix, names, path),
        f"Confusion matrix: {right} of {matrix.sum()} right. {worst} The table lists the most frequent mistakes.",
    )
    columns = ("true class", "taken for", "images", "share of the class")
    tables = [PageTable("the most frequent mistakes", columns, rows)] if rows else []
    return Section(slug, title, [f"{right:,} of {evaluated.part} right. {worst}"], tables=tables, pictures=[picture])


def worst(
    run: RunRecord, evaluated: EvaluatedImages | None, why_not: str, limit: int, device: torch.device, album: Album
) -> Section:
    """The wrong answers with the highest loss, each with Grad-CAM for the answer and for the truth."""
    slug, title = "mistakes", "Worst mistakes"
    if evaluated is None:
        left = run.folder.predictions
        words = "Predictions for a few images, drawn when the run ended."
        return Section(
            slug, title, missing=[why_not], pictures=[page_picture(left, words, words)] if left.is_file() else []
        )
    wrong = np.flatnonzero(evaluated.predicted != evaluated.labels)
    if not len(wrong):
        return Section(slug, title, [f"None: the network is right on all {evaluated.part}."])
    chosen = wrong[np.argsort(-evaluated.loss[wrong], kind="stable")][:limit]
    transform = run.explained.preprocessing.transform()
    tensors = torch.stack([transform(evaluated.images.image(int(evaluated.numbers[place]))) for place in chosen])
    shown = pictures(tensors, run.explained.preprocessing)
    missing, heats = [], []
    layer = deepest_resolved_stage(run.explained.model, run.explained.preprocessing.size)
    for classes in (evaluated.predicted, evaluated.labels):
        try:
            target = [int(each) for each in classes[chosen]]
            found = gradcam(run.explained.model, tensors, layer=layer, target=target, device=device)
            heats.append(found.heat)
        except UserError as error:  # a network without stages
            missing = [f"Grad-CAM is left out: {error}"]
    cards = [
        _card(run, evaluated, int(place), shown[at], [heat[at] for heat in heats], album)
        for at, place in enumerate(chosen)
    ]
    text = [
        f"{len(wrong):,} of {evaluated.part} are wrong; these {len(cards)} have the highest loss. Beside each image as "
        f"the network sees it is Grad-CAM of {layer} for its answer and for the truth: light places speak for the "
        "class, each map divided by its largest value."
    ]
    return Section(slug, title, text, missing, cards=cards)


def _card(
    run: RunRecord,
    evaluated: EvaluatedImages,
    place: int,
    image: NDArray[np.uint8],
    heats: list[NDArray[np.float32]],
    album: Album,
) -> Card:
    names = run.explained.classes
    said, true = names[evaluated.predicted[place]], names[evaluated.labels[place]]
    where = _short(evaluated.images.where(int(evaluated.numbers[place])), evaluated.data_dir)
    shown = [album.photograph(image, f"Image of class {true}, {where}", "image")]
    for heat, name, kind in zip(heats, (said, true), ("answer", "truth"), strict=False):
        shown.append(_heat(image, heat, name, kind, album))
    text = f"{where}; it says {said} with {evaluated.confidence[place]:.0%}, loss {evaluated.loss[place]:.2f} nats"
    return Card(f"{true} taken for {said}", text, shown)


def _heat(image: NDArray[np.uint8], heat: NDArray[np.float32], name: str, kind: str, album: Album) -> PagePicture:
    spoke = f"the strongest place lies {_place(heat)}" if heat.any() else "no place speaks for it"
    words = f"for {name}, the {kind}"
    return album.photograph(overlaid(image, heat), f"Grad-CAM {words}: {spoke}", words)


def _place(heat: NDArray[np.float32]) -> str:
    """Where the largest value is, in words: the thirds of the image."""
    row, column = np.unravel_index(int(heat.argmax()), heat.shape)
    vertical = ("at the top", "in the middle", "at the bottom")[3 * int(row) // heat.shape[0]]
    horizontal = ("left", "centre", "right")[3 * int(column) // heat.shape[1]]
    return f"{vertical}, {horizontal}"


def _short(where: str, data_dir: str | None) -> str:
    """Without the folder that holds the data: pages travel."""
    folder = "" if data_dir is None else data_dir.rstrip("/") + "/"
    return where.removeprefix(folder)


def data_flag(evaluated: EvaluatedImages | None) -> str:
    """` --data-dir DIR` for commands, empty for the embedded digits."""
    return "" if evaluated is None or evaluated.data_dir is None else f" --data-dir {shlex.quote(evaluated.data_dir)}"
