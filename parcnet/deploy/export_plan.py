"""From what was asked for to a network that is ready to be written."""

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
from parcnet.deploy.exported import raw
from parcnet.deploy.file_metadata import FileMetadata
from parcnet.deploy.model_source import for_size, opened, usual_size
from parcnet.deploy.norms import NORM_OF, NORMS
from parcnet.deploy.prepare import HalfPrecision, Normalised, fit_maps, flattened, in_form, parcnet_stages, sized
from parcnet.deploy.request import Request
from parcnet.deploy.runtimes import RUNTIMES
from parcnet.deploy.writers import as_array, tools, write
from parcnet.layers.inference import MIXES
from parcnet.tasks.detection import Detector
from parcnet.tasks.detection.fixed_shapes import OUTPUTS as OBJECTS
from parcnet.tasks.detection.fixed_shapes import FixedDetector, PlainDetector, check_request

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is settled before a file is written.

    reference      the network that the file is compared with, on the file's inputs but as float32
    prepared       the same in the form that is written
    preprocessing  image file -> the file's input; pixels over 255 where the file normalises by itself
    """

    reference: nn.Module
    prepared: nn.Module
    info: FileMetadata
    preprocessing: Preprocessing

    @property
    def request(self) -> Request:
        """What was asked for."""
        return self.info.request


def check_choices(algorithm: str, norm: str | None) -> None:
    """Raises `UserError` for an unknown algorithm or form of norm."""
    if algorithm != AUTO and algorithm not in MIXES:
        raise UserError(f"algorithm is {algorithm!r}: expected auto or one of {', '.join(MIXES)}.")
    if norm is not None and norm not in NORMS:
        raise UserError(f"norm is {norm!r}: expected one of {', '.join(NORMS)}.")


def plan(
    subject: str | Path | nn.Module,
    format: str,  # noqa: A002 - the word of the command line
    size: int | tuple[int, int] | None,
    batch: int | None,
    dtype: str,
    pixels: bool,
    algorithm: str,
    norm: str | None,
    note: Note,
    heat: bool = False,
) -> Plan:
    """Opens the network, makes it ready for the size, and settles its algorithms. Arguments as `export` has them."""
    check_choices(algorithm, norm)
    network, metadata = opened(subject)
    height, width = usual_size(metadata) if size is None else (size, size) if isinstance(size, int) else size
    request = Request(format, height, width, batch, dtype, pixels)
    written_by = tools(request)
    metadata = for_size(metadata, request.size)
    preprocessing = Preprocessing.from_dict(metadata.preprocessing)
    if isinstance(network, Detector):
        check_request(request)
        network = PlainDetector(network)
    model = sized(network, request.size)
    image = torch.randn(1, preprocessing.channels, height, width, generator=torch.Generator().manual_seed(0))
    fit_maps(model, image)
    maps = class_activation_maps(model, image) if heat else None
    form = norm or NORM_OF[format]
    if algorithm == AUTO:
        algorithms = algorithms_for(model, image, form, _runner(format), note)
    else:
        algorithms = (algorithm,) * len(parcnet_stages(model))
    prepared = in_form(model, image, algorithms, form)
    if isinstance(prepared, PlainDetector):
        prepared = FixedDetector(prepared.detector, image)
    if maps is not None:
        model, prepared = WithGradientClassActivation(model, maps), WithClassActivation(prepared, copy.deepcopy(maps))
    if (format, dtype) == ("onnx", "fp16"):
        prepared = HalfPrecision(prepared)
    names = OUTPUTS if maps is not None else _outputs(model, metadata.task, image)
    card = FileMetadata(metadata, request, algorithms, names, written_by)
    if not pixels:
        return Plan(model, prepared, card, preprocessing)
    normalisation = preprocessing.mean, preprocessing.std
    return Plan(Normalised(model, *normalisation), Normalised(prepared, *normalisation), card, raw(preprocessing))


def _outputs(model: nn.Module, task: str, image: Tensor) -> tuple[str, ...]:
    """Names of the network's answers: `logits` of an image or of every pixel, an object's, or numbers."""
    if isinstance(model, PlainDetector):
        return OBJECTS
    with torch.no_grad():
        outputs = flattened(model(image))
    if len(outputs) == 1 and (outputs[0].dim() == 2 or task == "segmentation"):
        return ("logits",)
    return tuple(f"output_{place}" for place in range(len(outputs)))


def _runner(kind: str) -> Callable[[nn.Module, Tensor, Path], Callable[[], object]]:
    """How a part of a network is run in the runtime of a format."""

    def runner(module: nn.Module, example: Tensor, folder: Path) -> Callable[[], object]:
        request = Request(kind, 32, 32)
        file = Path(tempfile.mkdtemp(dir=folder)) / f"part{request.suffix}"
        write(module, example, request, ("logits",), _part_card(request), file)
        run, values = RUNTIMES[kind].load(file, None), as_array(example)
        return lambda: run(values)

    return runner


def _part_card(request: Request) -> str:
    """A card for a file that is only timed."""
    from parcnet.checkpoint import Metadata

    return FileMetadata(Metadata("part", {}, (), {}, "nothing"), request, (), ("logits",), {}).to_json()
