"""Sections on confusion and on the worst mistakes with their class activation maps."""

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
from parcnet.report.section import Album, PictureCard, Section

_PAIRS = 10


def confused(run: RunRecord, evaluated: EvaluatedImages | None, why_not: str, album: Album) -> Section:
    """The confusion matrix; without data the picture in the run folder."""
    slug, title = "confusion", "Confusion matrix"
    if evaluated is None:
        if not run.folder.confusion.is_file():
            return Section(slug, title, missing=[why_not])
        saved = page_picture(
            run.folder.confusion,
            "Confusion matrix, drawn at the end of the run; listing its counts needs the images.",
            "Drawn at the end of the run.",
        )
        return Section(slug, title, missing=[why_not], pictures=[saved])
    matrix = evaluated.scores.confusion
    if matrix is None:
        return Section(
            slug, title, missing=[f"{len(run.explained.classes)} classes are too many for a confusion matrix."]
        )
    pairs = most_confused(matrix, _PAIRS)
    names = run.explained.classes
    rows = [
        (names[true], names[predicted], count, f"{count / matrix[true].sum():.1%}") for true, predicted, count in pairs
    ]
    worst = f"Most frequent: {names[pairs[0][0]]} predicted as {names[pairs[0][1]]}." if pairs else "No mistakes."
    correct = int(np.trace(matrix))
    picture = album.drawn(
        lambda path: confusion(matrix, names, path),
        f"Confusion matrix: {correct} of {matrix.sum()} correct. {worst} The table lists the most frequent mistakes.",
    )
    columns = ("true class", "predicted class", "images", "share of the class")
    tables = [PageTable("the most frequent mistakes", columns, rows)] if rows else []
    return Section(
        slug, title, [f"{correct:,} of {evaluated.part} correct. {worst}"], tables=tables, pictures=[picture]
    )


def worst(
    run: RunRecord, evaluated: EvaluatedImages | None, why_not: str, limit: int, device: torch.device, album: Album
) -> Section:
    """The misclassified images with the highest loss, with Grad-CAM for the predicted and the true class."""
    slug, title = "mistakes", "Worst mistakes"
    if evaluated is None:
        saved = run.folder.predictions
        words = "Predictions for a few images, drawn at the end of the run."
        return Section(
            slug, title, missing=[why_not], pictures=[page_picture(saved, words, words)] if saved.is_file() else []
        )
    wrong = np.flatnonzero(evaluated.predicted != evaluated.labels)
    if not len(wrong):
        return Section(slug, title, [f"None: all {evaluated.part} are classified correctly."])
    chosen = wrong[np.argsort(-evaluated.loss[wrong], kind="stable")][:limit]
    transform = run.explained.preprocessing.transform()
    tensors = torch.stack([transform(evaluated.images.image(int(evaluated.numbers[index]))) for index in chosen])
    shown = pictures(tensors, run.explained.preprocessing)
    missing, heats = [], []
    layer = deepest_resolved_stage(run.explained.model, run.explained.preprocessing.size)
    for classes in (evaluated.predicted, evaluated.labels):
        try:
            target = [int(each) for each in classes[chosen]]
            heats.append(gradcam(run.explained.model, tensors, layer=layer, target=target, device=device).heat)
        except UserError as error:  # a network without stages
            missing = [f"Grad-CAM ({error})"]
    cards = [
        _card(run, evaluated, int(index), shown[position], [heat[position] for heat in heats], album)
        for position, index in enumerate(chosen)
    ]
    text = [
        f"{len(wrong):,} of {evaluated.part} are misclassified; these {len(cards)} have the highest loss. Beside each "
        f"preprocessed image: Grad-CAM of {layer} for the predicted and the true class. Bright regions are evidence "
        "for the class; each map is divided by its maximum."
    ]
    return Section(slug, title, text, missing, cards=cards)


def _card(
    run: RunRecord,
    evaluated: EvaluatedImages,
    index: int,
    image: NDArray[np.uint8],
    heats: list[NDArray[np.float32]],
    album: Album,
) -> PictureCard:
    names = run.explained.classes
    predicted, true = names[evaluated.predicted[index]], names[evaluated.labels[index]]
    where = _short(evaluated.images.where(int(evaluated.numbers[index])), evaluated.data_dir)
    shown = [album.photograph(image, f"Image of class {true}, {where}", "image")]
    for heat, name, kind in zip(heats, (predicted, true), ("predicted", "true"), strict=False):
        shown.append(_class_activation(image, heat, name, kind, album))
    text = (
        f"{where}; predicted {predicted} with {evaluated.confidence[index]:.0%}, loss {evaluated.loss[index]:.2f} nats"
    )
    return PictureCard(f"{true} predicted as {predicted}", text, shown)


def _class_activation(
    image: NDArray[np.uint8], heat: NDArray[np.float32], name: str, kind: str, album: Album
) -> PagePicture:
    evidence = f"the maximum is {_position(heat)}" if heat.any() else "zero everywhere"
    words = f"{name} ({kind} class)"
    return album.photograph(overlaid(image, heat), f"Grad-CAM for {words}: {evidence}", words)


def _position(heat: NDArray[np.float32]) -> str:
    """Position of the maximum in words, by thirds of the image."""
    row, column = np.unravel_index(int(heat.argmax()), heat.shape)
    vertical = ("at the top", "in the middle", "at the bottom")[3 * int(row) // heat.shape[0]]
    horizontal = ("left", "centre", "right")[3 * int(column) // heat.shape[1]]
    return f"{vertical}, {horizontal}"


def _short(where: str, data_dir: str | None) -> str:
    """`where` without the data folder, since reports are shared."""
    folder = "" if data_dir is None else data_dir.rstrip("/") + "/"
    return where.removeprefix(folder)
