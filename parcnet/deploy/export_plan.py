"""A request -> a network that is ready to be written."""

import copy
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.data import Preprocessing
from parcnet.deploy.algorithm_choice import Note, algorithms_for
from parcnet.deploy.class_activation import (
    OUTPUTS,
    WithClassActivation,
    WithGradientClassActivation,
    class_activation_maps,
)
from parcnet.deploy.file_metadata import FileMetadata
from parcnet.deploy.model_source import for_size, open_source
from parcnet.deploy.norms import NORM_OF, NORMS
from parcnet.deploy.prepare import HalfPrecision, Normalised, fit_maps, flattened, in_form, parcnet_stages, sized
from parcnet.deploy.request import Request
from parcnet.deploy.runtimes import RUNTIMES
from parcnet.deploy.writers import as_array, tools, write
from parcnet.layers.inference import MIXES
from parcnet.tasks.exported_file import unnormalised
from parcnet.tasks.task import Task

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """All that is decided before a file is written.

    reference      the network that the file is compared with, on the file's inputs but as float32
    prepared       the same in the form that is written
    preprocessing  image file -> the file's input; pixels over 255 where the file normalises by itself
    """

    reference: nn.Module
    prepared: nn.Module
    info: FileMetadata
    preprocessing: Preprocessing
    task: Task

    @property
    def request(self) -> Request:
        """The requested file."""
        return self.info.request


def check_choices(algorithm: str, norm: str | None) -> None:
    """Raises `UserError` for an unknown algorithm or form of norm."""
    if algorithm != AUTO and algorithm not in MIXES:
        raise UserError(f"algorithm is {algorithm!r}: expected auto or one of {', '.join(MIXES)}.")
    if norm is not None and norm not in NORMS:
        raise UserError(f"norm is {norm!r}: expected one of {', '.join(NORMS)}.")


def plan_export(
    source: str | Path | nn.Module,
    format: str,  # noqa: A002 - the word of the command line
    size: int | tuple[int, int] | None,
    batch: int | None,
    dtype: str,
    pixels: bool,
    algorithm: str,
    norm: str | None,
    note: Note,
    heat: bool = False,
) -> ExportPlan:
    """Opens the network, prepares it for the size, and chooses its algorithms. Arguments as `export` has them."""
    check_choices(algorithm, norm)
    network, metadata, task = open_source(source)
    height, width = task.export_size(metadata) if size is None else (size, size) if isinstance(size, int) else size
    request = Request(format, height, width, batch, dtype, pixels)
    written_by = tools(request)
    metadata = for_size(metadata, request.size)
    preprocessing = Preprocessing.from_dict(metadata.preprocessing)
    model = sized(task.exportable(network, request), request.size)
    image = torch.randn(1, preprocessing.channels, height, width, generator=torch.Generator().manual_seed(0))
    fit_maps(model, image)
    maps = class_activation_maps(model, image) if heat else None
    form = norm or NORM_OF[format]
    if algorithm == AUTO:
        algorithms = algorithms_for(model, image, form, _runner(format), note)
    else:
        algorithms = (algorithm,) * len(parcnet_stages(model))
    prepared = task.fixed_shapes(in_form(model, image, algorithms, form), image)
    if maps is not None:
        model, prepared = WithGradientClassActivation(model, maps), WithClassActivation(prepared, copy.deepcopy(maps))
    if (format, dtype) == ("onnx", "fp16"):
        prepared = HalfPrecision(prepared)
    names = OUTPUTS if maps is not None else _output_names(task, model, image)
    info = FileMetadata(metadata, request, algorithms, names, written_by)
    if not pixels:
        return ExportPlan(model, prepared, info, preprocessing, task)
    normalisation = preprocessing.mean, preprocessing.std
    reference, prepared = Normalised(model, *normalisation), Normalised(prepared, *normalisation)
    return ExportPlan(reference, prepared, info, unnormalised(preprocessing), task)


def _output_names(task: Task, model: nn.Module, image: Tensor) -> tuple[str, ...]:
    """Names of the network's outputs for `image`."""
    with torch.no_grad():
        return task.output_names(flattened(model(image)))


def _runner(kind: str) -> Callable[[nn.Module, Tensor, Path], Callable[[], object]]:
    """How a part of a network is run in the runtime of a format."""

    def runner(module: nn.Module, example: Tensor, folder: Path) -> Callable[[], object]:
        request = Request(kind, 32, 32)
        file = Path(tempfile.mkdtemp(dir=folder)) / f"part{request.suffix}"
        write(module, example, request, ("logits",), _part_metadata(request), file)
        run, values = RUNTIMES[kind].load(file, None), as_array(example)
        return lambda: run(values)

    return runner


def _part_metadata(request: Request) -> str:
    """Metadata for a file that is only timed."""
    from parcnet.checkpoint import Metadata

    return FileMetadata(Metadata("part", {}, (), {}, "nothing"), request, (), ("logits",), {}).to_json()
