"""Network -> file for another runtime, kept only if its outputs match the network's."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from parcnet.base import UserError, atomic_path, check_writable, staging_folder
from parcnet.deploy.algorithm_choice import Note
from parcnet.deploy.comparison_images import real_images
from parcnet.deploy.export_plan import AUTO, ExportPlan, plan_export
from parcnet.deploy.exported_predictor import file_input, open_exported
from parcnet.deploy.file_metadata import FileMetadata
from parcnet.deploy.onnx_graph import example_for
from parcnet.deploy.prepare import flattened
from parcnet.deploy.quantization_report import MOST, Accuracy, Responsible, accuracy, responsible
from parcnet.deploy.request import SUFFIXES, Request
from parcnet.deploy.writers import files_of, write
from parcnet.tasks import parity
from parcnet.tasks.finite import check_finite

CALIBRATION_IMAGES = 64
"""Real images by which static int8 finds its ranges."""


@dataclass(frozen=True, slots=True)
class Export:
    """What was written, and how near it is to its network."""

    path: Path
    info: FileMetadata
    parity: parity.Parity
    bytes: int
    """Of all files."""
    seconds: float
    accuracy: Accuracy | None = None
    """Of int8 where a labelled test set is known: before and after."""
    responsible: Responsible | None = None
    """Of static int8: the stages and layers that its error comes from."""


def export(
    source: str | Path | nn.Module,
    path: str | Path | None = None,
    *,
    format: str = "onnx",  # noqa: A002 - the word of the command line
    size: int | tuple[int, int] | None = None,
    batch: int | None = 1,
    dtype: str = "fp32",
    pixels: bool = False,
    algorithm: str = AUTO,
    norm: str | None = None,
    images: Path | None = None,
    calibration: Path | None = None,
    data_dir: str | None = None,
    tolerance: float | None = None,
    heat: bool = False,
    note: Note = lambda _, __: None,
) -> Export:
    """Writes `source`, a checkpoint, run folder, registered name or module, as a file for another runtime.

    path         of the file; None: the network's name in the current folder
    format       onnx, openvino, mnn or torch-export
    size         side, or (height, width), in px, the only one that the file serves; None: that of the network
    batch        images at a time; None: any number
    dtype        fp32; fp16 (mnn, openvino: of the weights); int8 (mnn: of the weights; else static, by `calibration`)
    pixels       the file takes 8-bit RGB [B, H, W, C] and normalises it
    algorithm    of ParCNetV2's local-global convolutions: conv, matmul, dense; auto: by stage, measured in the runtime
    norm         form of ParCNetV2's norms, a key of `norms.NORMS`; None: the fastest in the format's own runtime
    images       folder of images to compare on; None: photographs that come with scikit-learn, digits for digits
    calibration  folder of images for static int8; None: as `images`
    data_dir     labelled images on which int8's loss of accuracy is counted, as `parcnet eval` takes them; None: the
                 embedded digits for networks trained on them, else it is not counted
    tolerance    largest error over the root mean square of the outputs; None: `parity.TOLERANCE` of the dtype
    heat         of a classifier: a second output, the maps of `class_activation.py`
    note         note(1, what) is called after each of `STEPS` steps

    The file is run in its own runtime on real images before it gets its name. Raises `UserError` when it is not as
    near to the network as `tolerance` and `parity.AGREEMENT` ask, and for every mistake (`NoClassActivation` where the
    head has no closed form of it); then nothing is kept.
    """
    started = time.perf_counter()
    if format in SUFFIXES:  # before the work whose result could not be kept
        path = _checked(path, source, format)
    planned = plan_export(source, format, size, batch, dtype, pixels, algorithm, norm, note, heat)
    assert path is not None
    target = Path(path)
    if data_dir is not None and not planned.task.single_label:
        raise UserError(f"data_dir is {data_dir}: accuracy before and after is measured for classifiers alone.")
    data, channels = planned.info.metadata.data, planned.preprocessing.channels
    seen = real_images(planned.preprocessing, planned.task.parity_images, data, images)
    ranges = None
    if dtype == "int8" and format != "mnn":
        found = real_images(planned.preprocessing, CALIBRATION_IMAGES, data, calibration or images)
        ranges = torch.from_numpy(file_input(found, planned.info))
    with staging_folder(target) as folder:
        staged = folder / target.name
        example = example_for(planned.request, channels)
        stored = planned.info.to_json()
        graph = write(planned.prepared, example, planned.request, planned.info.outputs, stored, staged, ranges)
        note(1, "written")
        result = compared(planned, staged, seen)
        _check(result, planned.request, tolerance)
        note(1, "compared")
        lost = accuracy(planned, open_exported(staged), data_dir) if dtype == "int8" else None
        blamed = None if ranges is None or graph is None else responsible(planned, graph, ranges, seen, note)
        for file in reversed(files_of(staged)):  # what the others lean on first
            with atomic_path(target.with_suffix(file.suffix)) as temporary:
                os.replace(file, temporary)
    written = sum(file.stat().st_size for file in files_of(target))
    return Export(target, planned.info, result, written, time.perf_counter() - started, lost, blamed)


STEPS = 6
"""Steps of an export that measures: four stages, writing, comparing."""
RESPONSIBLE_STEPS = 2 * MOST
"""At most so many more of static int8."""


def compared(planned: ExportPlan, path: Path, images: Tensor) -> parity.Parity:
    """The file `path` beside the network it came from, on `images` as `planned.preprocessing` makes them."""
    file = open_exported(path)

    def wanted(chunk: Tensor) -> list[Tensor]:
        given = torch.from_numpy(file_input(chunk, planned.info))
        with torch.inference_mode():
            outputs = flattened(planned.reference(given))
        check_finite(outputs, "the network")
        return outputs

    logits, batch = planned.info.outputs[0] == "logits", planned.request.batch or 4
    return planned.task.compare_outputs(wanted, file.outputs, images, batch, logits)


def _check(found: parity.Parity, request: Request, tolerance: float | None) -> None:
    limit = parity.TOLERANCE[request.dtype] if tolerance is None else tolerance
    if reason := found.worse_than(limit, parity.AGREEMENT[found.counted][request.dtype]):
        raise UserError(
            f"the {request.format} file is not kept: {reason} ({found}). Try another --dtype or --algorithm, or say "
            "with --tolerance what is good enough."
        )


def _checked(path: str | Path | None, source: str | Path | nn.Module, kind: str) -> Path:
    """Where the file goes. `UserError` for a name of another format, and for a folder that cannot be written to."""
    suffix = SUFFIXES[kind]
    if path is None:
        stem = type(source).__name__.lower() if isinstance(source, nn.Module) else Path(source).stem
        path = Path(f"{stem}{suffix}")
    path = Path(path)
    if path.suffix != suffix:
        raise UserError(f"{path} ends in {path.suffix or 'nothing'}; {kind} files end in {suffix}.")
    for file in files_of(path):
        check_writable(file)
    return path
