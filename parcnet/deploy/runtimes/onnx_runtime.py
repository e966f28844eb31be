"""ONNX files, run by ONNX Runtime on the CPU."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from parcnet.base import UserError
from parcnet.deploy.file_metadata import KEY
from parcnet.deploy.runtimes.runtime import Run, Runtime

if TYPE_CHECKING:
    from onnx import ModelProto


def write(graph: "ModelProto", metadata: str, path: Path) -> None:
    """Writes the graph with its metadata as one file."""
    entry = graph.metadata_props.add()
    entry.key, entry.value = KEY, metadata
    path.write_bytes(graph.SerializeToString())


def session(path: Path, threads: int | None = None) -> Any:
    """An onnxruntime.InferenceSession of the file. Raises `UserError` for a damaged one."""
    onnxruntime = _package()
    options = onnxruntime.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no class
        raise UserError(f"{path} is not an ONNX file that ONNX Runtime can run, or is truncated: {error}") from None


def _load(path: Path, threads: int | None) -> Run:
    opened = session(path, threads)
    name = opened.get_inputs()[0].name

    def run(values: NDArray[Any]) -> list[NDArray[Any]]:
        return opened.run(None, {name: values})

    return run


def _metadata(path: Path) -> str | None:
    return session(path).get_modelmeta().custom_metadata_map.get(KEY)


def _package() -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise UserError("running ONNX files needs onnxruntime: pip install 'parcnet[onnx]'.") from None
    return onnxruntime


ONNX = Runtime("ONNX Runtime", _load, _metadata, ("onnx", "onnxruntime"))
