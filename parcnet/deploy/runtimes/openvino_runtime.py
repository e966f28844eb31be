"""OpenVINO files (.xml and .bin), run by OpenVINO on the CPU without its telemetry package."""

import sys
import threading
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
    """Hides `openvino_telemetry` from imports in the block; OpenVINO and nncf then use their stubs.

    Otherwise importing openvino reports the import, unless a consent file in the home folder forbids it.
    """
    before = sys.modules.get(TELEMETRY, sys)
    sys.modules[TELEMETRY] = None  # type: ignore[assignment]  # makes the import raise ImportError
    try:
        yield
    finally:
        if before is sys:
            del sys.modules[TELEMETRY]
        else:
            sys.modules[TELEMETRY] = before


def openvino() -> Any:
    """The package, imported without its telemetry. Raises `UserError` if it is missing."""
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
    """An ONNX graph as an openvino.Model with the graph's names of input and outputs."""
    package = openvino()
    return package.Core().read_model(graph.SerializeToString())


def write(model: Any, metadata: str, path: Path, *, half: bool) -> None:
    """Writes the model with its metadata as .xml and .bin; `half` stores weights in fp16, computation stays fp32."""
    model.set_rt_info(metadata, [KEY])
    openvino().save_model(model, str(path), compress_to_fp16=half)


def compiled(path: Path, threads: int | None, **hints: Any) -> Any:
    """An openvino.CompiledModel in fp32, tuned for latency. Raises `UserError` for a damaged file."""
    package = openvino()
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", **hints}
    if threads is not None:
        settings["INFERENCE_NUM_THREADS"] = threads
    return package.Core().compile_model(_read(path), "CPU", settings)


def _load(path: Path, threads: int | None) -> Run:
    model = compiled(path, threads)
    own = threading.local()  # a request that threads share would give them each other's outputs

    def run(values: NDArray[Any]) -> list[NDArray[Any]]:
        if not hasattr(own, "request"):
            own.request = model.create_infer_request()
        request = own.request
        request.infer([values])
        return [request.get_output_tensor(i).data.copy() for i in range(len(model.outputs))]

    return run


def _metadata(path: Path) -> str | None:
    model = _read(path)
    return model.get_rt_info([KEY]).astype(str) if model.has_rt_info([KEY]) else None


def _read(path: Path) -> Any:
    package = openvino()
    weights = weights_of(path)
    if not weights.is_file():
        raise UserError(f"{path} has no weights: {weights.name} is missing beside it. Copy both files.")
    try:
        return package.Core().read_model(str(path), str(weights))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise UserError(f"{path} is not a model that OpenVINO can read, or is truncated: {reason}") from None


OPENVINO = Runtime("OpenVINO", _load, _metadata, ("openvino",))
