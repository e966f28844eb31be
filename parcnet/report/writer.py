"""The page, section by section."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from parcnet.base import UserError, check_writable, progress
from parcnet.base.console import Advance
from parcnet.base.page import write_page
from parcnet.data import Split
from parcnet.report import kernel_sections, mistakes
from parcnet.report import robustness_sections as robustness
from parcnet.report import training_sections as training
from parcnet.report.bounds import Bounds
from parcnet.report.evaluated_images import EvaluatedImages, evaluate_images, open_split
from parcnet.report.latency import speed
from parcnet.report.reproduce import reproduce
from parcnet.report.run_record import RunRecord, read_run
from parcnet.report.section import Album, Section

_TEMPLATE = Path(__file__).with_name("page.html")
_PICTURES = 300  # the cost of drawing in the progress bar, in images


@dataclass(frozen=True, slots=True)
class Written:
    """A page."""

    path: Path
    sections: Sequence[Section]
    top1: float | None
    """As measured for it; None without data."""

    @property
    def missing(self) -> list[str]:
        """What is not on it, and why; each reason once."""
        return list(dict.fromkeys(reason for section in self.sections for reason in section.missing))


def write_report(
    folder: Path,
    output: Path,
    *,
    command: str,
    data_dir: str | None = None,
    split: Split | None = None,
    bounds: Bounds | None = None,
    device: torch.device | None = None,
) -> Written:
    """Writes the page of the run in `folder` into the file `output`.

    data_dir   location of the images; None: that of the recipe. Without them, the sections that need images are left
               out, which the page states; a folder given here must exist.
    split      which part of them; None: test if there is one, else val.
    command    the command to state on the page.

    Raises `UserError` for a folder that is not a run, a missing `data_dir`, and an output that cannot be written, which
    is checked first.
    """
    check_writable(output)
    run = read_run(folder)
    bounds, device = bounds or Bounds(), device or torch.device("cpu")
    opened, why_not = None, ""
    try:
        if run.task.single_label:
            opened = open_split(run, data_dir, split)
        else:
            why_not = f"Shown for networks that predict one class an image; this is a run of {run.task.name}."
    except UserError as error:
        if data_dir is not None:
            raise
        why_not = f"Needs the images of the run, which are missing: {error} --data-dir names them."
    images = 0 if opened is None else min(len(opened[0]), bounds.images)
    count = min(images, bounds.probes)
    total = images + robustness.work(bounds, count) + 4 * _PICTURES
    with tempfile.TemporaryDirectory() as temporary, progress("report", total, "images") as advance:
        evaluated = None if opened is None else evaluate_images(run, opened, bounds.images, device, advance)
        album = Album(Path(temporary))
        sections = list(_sections(run, evaluated, why_not, bounds, device, album, command, advance))
        run.explained.model.cpu()
    write_page(output, _TEMPLATE, {"name": run.folder.path.resolve().name, "run": run, "sections": sections})
    return Written(output, sections, None if evaluated is None else evaluated.scores.metrics()["top1"])


def _sections(
    run: RunRecord,
    evaluated: EvaluatedImages | None,
    why_not: str,
    bounds: Bounds,
    device: torch.device,
    album: Album,
    command: str,
    advance: Advance,
) -> Iterator[Section]:
    yield training.glance(run, evaluated)
    yield training.curves(run, album)
    advance(_PICTURES, "pictures")
    yield mistakes.confused(run, evaluated, why_not, album)
    yield mistakes.worst(run, evaluated, why_not, bounds.mistakes, device, album)
    advance(_PICTURES, "pictures")
    yield kernel_sections.kernels(run, album)
    yield kernel_sections.field(run, evaluated, why_not, bounds.field_images, device, album)
    advance(_PICTURES, "pictures")
    if evaluated is None:
        yield Section("robustness", "Robustness to image size and to corruptions", missing=[why_not])
    else:
        seen = robustness.probes(evaluated, bounds.probes)
        yield robustness.sizes(run, seen, bounds, device, album, advance)
        yield robustness.corruptions(run, seen, bounds, device, album, advance)
    yield speed(run, bounds, device)
    advance(_PICTURES, "speed")
    yield training.recipe(run)
    yield reproduce(run, evaluated, command)
