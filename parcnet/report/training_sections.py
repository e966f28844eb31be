"""Sections on the training run: summary, recipe and curves."""

from collections.abc import Mapping, Sequence
from typing import Any

from parcnet.base import UserError
from parcnet.base.page import PageTable
from parcnet.models import complexity
from parcnet.plots.lines import Line, LineChart
from parcnet.recipes import to_yaml
from parcnet.report.evaluated_images import EvaluatedImages
from parcnet.report.run_record import RunRecord
from parcnet.report.section import Album, Section
from parcnet.tasks.scores import Metric
from parcnet.tasks.task import Task

_VAL = "val_"


def glance(run: RunRecord, evaluated: EvaluatedImages | None) -> Section:
    """Summary of network, data and accuracy in one table."""
    preprocessing = run.explained.preprocessing
    height, width = preprocessing.size
    rows = [
        ("network", run.explained.name),
        ("task", run.recipe.task),
        ("input", f"{height} x {width} px, {preprocessing.channels} channels"),
        ("size", _size(run)),
        ("data", _data(run)),
        ("state", _state(run)),
    ]
    for split, words in (("test", "test, at the end of the run"), ("val", "validation, best epoch")):
        if figures := (run.result or {}).get(split):
            rows.append((words, _figures(figures, run.task)))
    if evaluated is not None:
        rows.append((f"{evaluated.part}, for this report", _figures(evaluated.scores.metrics(), run.task)))
    return Section("glance", "At a glance", tables=[PageTable("the run at a glance", ("property", "value"), rows)])


def recipe(run: RunRecord) -> Section:
    """Every field of the recipe."""
    return Section(
        "recipe",
        "Recipe",
        [f"All fields as resolved, the same as {run.folder.recipe.name} in the run folder."],
        listing=to_yaml(run.recipe).strip(),
    )


def curves(run: RunRecord, album: Album) -> Section:
    """Losses, the task's metrics and learning rate over epochs."""
    if not run.log:
        return Section("curves", "Training curves", missing=["the run folder has no log of a complete epoch."])
    epochs = [line["epoch"] for line in run.log]
    validation = {name: _validated(run, name) for name in run.log[0] if name.startswith(_VAL)}
    losses = {"training (augmented)": Line(epochs, [line["train_loss"] for line in run.log])}
    size: dict[str, Any] = {"x_label": "epoch", "whole": True}
    pictures = []
    if (loss := validation.pop(f"{_VAL}loss", None)) and loss.y:
        losses["validation"] = loss
    pictures.append(
        album.chart(
            LineChart(losses, y_label="loss (cross entropy, nats)", title="loss", **size),
            "Line chart. " + " ".join(f"{name} loss: {_from_to(line.y, '.3f')}." for name, line in losses.items()),
        )
    )
    for name, line in validation.items():
        if line.y:
            words = _metric(name.removeprefix(_VAL), run.task).title
            best = list(line.y).index(max(line.y))
            pictures.append(
                album.chart(
                    LineChart({"validation": line}, y_label=f"{words}, validation", title=words, **size),
                    f"Line chart. Validation {words}: {_from_to(line.y, '.4f')}; best {line.y[best]:.4f} after epoch "
                    f"{line.x[best]}.",
                )
            )
    rates = [line["lr"] for line in run.log]
    pictures.append(
        album.chart(
            LineChart(
                {"learning rate": Line(epochs, rates)}, y_label="at the end of the epoch", title="learning rate", **size
            ),
            f"Line chart. Learning rate: {_from_to(rates, '.2g')}, maximum {max(rates):.2g}.",
        )
    )
    text = [f"{len(run.log)} of {run.recipe.schedule.epochs + run.recipe.schedule.cooldown_epochs} epochs."]
    return Section("curves", "Training curves", text, pictures=pictures)


def _validated(run: RunRecord, name: str) -> Line:
    """A metric over the validated epochs."""
    pairs = [(line["epoch"], line[name]) for line in run.log if line.get(name) is not None]
    return Line([epoch for epoch, _ in pairs], [value for _, value in pairs])


def _figures(metrics: Mapping[str, float], task: Task) -> str:
    """`top-1 99.17%, top-5 100.00%, loss (nats) 0.2267`."""
    found = [(_metric(name, task), value) for name, value in metrics.items()]
    return ", ".join(f"{metric.title} {metric.shown(value)}" for metric, value in found)


def _metric(name: str, task: Task) -> Metric:
    """The metric of that name; those that no results table shows are plain numbers under their own name."""
    return next((each for each in (task.best, *task.metrics) if each.name == name), Metric(name, name, percent=False))


def _from_to(values: Sequence[float], form: str) -> str:
    return f"{values[0]:{form}} after the first epoch, {values[-1]:{form}} after the last"


def _size(run: RunRecord) -> str:
    count = sum(parameter.numel() for parameter in run.explained.model.parameters())
    preprocessing = run.explained.preprocessing
    words = "backbone: " if run.explained.backbone_only else ""
    try:
        macs = complexity(run.explained.model, (preprocessing.channels, *preprocessing.size)).macs
    except (RuntimeError, NotImplementedError, UserError):  # operations without a MAC count
        return f"{words}{count / 1e6:.2f}M parameters"
    return f"{words}{count / 1e6:.2f}M parameters, {macs / 1e9:.3f}G MACs per image"


def _data(run: RunRecord) -> str:
    images: Mapping[str, int] = (run.result or {}).get("images", {})
    counts = ", ".join(f"{count:,} {split}" for split, count in images.items())
    classes = f"{len(run.explained.classes)} classes"
    return f"{run.explained.data or 'unknown'}: {counts + ' images, ' if counts else ''}{classes}"


def _state(run: RunRecord) -> str:
    if run.result is None:
        return f"not finished: {len(run.log)} of {run.recipe.schedule.epochs} epochs so far"
    result = run.result
    return f"finished in {result['seconds']:.0f} s on {result['machine']}; best epoch {result['best_epoch']}"
