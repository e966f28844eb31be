"""OpenVINO's .xml and .bin, run by OpenVINO on the CPU. Its telemetry package is kept out."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from parcnet.base import UserError
from parcnet.deploy.file_metadata import KEY
from parcnet.deploy.runtimes.runtime import Run, Runtime

if TYPE_CHECKING:
    from onnx import ModelProto

TELEMETRY = "openvino_telemetry"


@contextmanager
def no_telemetry() -> Iterator[None]:
    """Imports within find no `openvino_telemetry`: OpenVINO and nncf then take the stubs they have for its absence.

    Importing openvino reports the import, unless a consent file in the home folder says no; neither is ours to make.
    """
    before = sys.modules.get(TELEMETRY, sys)
    sys.modules[TELEMETRY] = None  # type: ignore[assignment]  # how Python is told: it is not there
    try:
        yield
    finally:
        if before is sys:
            del sys.modules[TELEMETRY]
        else:
            sys.modules[TELEMETRY] = before


def openvino() -> Any:
    """The package, imported without its telemetry. Raises `UserError` where it is missing."""
    try:
        with no_telemetry():
            import openvino
    except ImportError:
        raise UserError("OpenVINO files need openvino: pip install 'parcnet[openvino]'.") from None
    return openvino


def weights_of(path: Path) -> Path:
    """The .bin beside an .xml."""
    return path.with_suffix(".bin")


def converted(graph: "ModelProto") -> Any:
    """An ONNX graph as an openvino.Model, its input and outputs named as the graph's."""
    package = openvino()
    return package.Core().read_model(graph.SerializeToString())


def write(model: Any, card: str, path: Path, *, half: bool) -> None:
    """The model with its card, as .xml and .bin; `half` stores weights in half precision, to compute in single."""
    model.set_rt_info(card, [KEY])
    openvino().save_model(model, str(path), compress_to_fp16=half)


def compiled(path: Path, threads: int | None, **hints: Any) -> Any:
    """An openvino.CompiledModel for one image at a time, in fp32. Raises `UserError` for a damaged file."""
    package = openvino()
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", **hints}
    if threads is not None:
        settings["INFERENCE_NUM_THREADS"] = threads
    return package.Core().compile_model(_read(path), "CPU", settings)


def _load(path: Path, threads: int | None) -> Run:
    model = compiled(path, threads)
    request = model.create_infer_request()

    def run(values: NDArray[Any]) -> list[NDArray[Any]]:
        request.infer([values])
        return [request.get_output_tensor(i).data.copy() for i in range(len(model.outputs))]

    return run


def _card(path: Path) -> str | None:
    model = _read(path)
    return model.get_rt_info([KEY]).astype(str) if model.has_rt_info([KEY]) else None


def _read(path: Path) -> Any:
    package = openvino()
    weights = weights_of(path)
    if not weights.is_file():
        raise UserError(f"{path} has no weights: there is no {weights.name} beside it. Copy both files.")
    try:
        return package.Core().read_model(str(path), str(weights))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise UserError(f"{path} is not a model that OpenVINO reads, or not a whole one: {reason}") from None


OPENVINO = Runtime("OpenVINO", _load, _card, ("openvino",))
