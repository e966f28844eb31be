"""Static int8 quantisation with the runtimes' own tools: activations calibrated on real images, weights per channel."""

import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from parcnet.base import UserError
from parcnet.deploy.onnx_graph import QUANTISED, only_errors
from parcnet.deploy.runtimes.openvino_runtime import no_telemetry, openvino

_FLOAT = ("Multiply", "Subtract", "ReduceMean", "Power", "Divide", "Sqrt")
"""OpenVINO operators of gates and norms that stay in floating point; nncf would quantise them by default."""


class _Reader:
    """Calibration data reader of ONNX Runtime."""

    def __init__(self, images: Tensor, batch: int, name: str) -> None:
        self.remaining: Iterator[dict[str, NDArray[Any]]] = ({name: chunk} for chunk in _batches(images, batch))

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """The next input, or None."""
        return next(self.remaining, None)


def _batches(images: Tensor, batch: int) -> list[NDArray[Any]]:
    """Full batches only, since the file's batch size is fixed."""
    full = [chunk for chunk in images.split(batch) if len(chunk) == batch]
    if not full:
        raise UserError(
            f"{len(images)} images cannot calibrate a file of batch {batch}: use at least {batch} images, or --batch 1."
        )
    return [np.ascontiguousarray(chunk.numpy()) for chunk in full]


def quantise_onnx(plain: Path, images: Tensor, batch: int, path: Path, excluded: Sequence[str] = ()) -> None:
    """Quantises the convolutions and matrix products of the fp32 file `plain` to int8 and writes it to `path`.

    QDQ format, weights per output channel, min-max calibration by ONNX Runtime. Nodes in `excluded` stay in fp32.
    Metadata is kept.
    """
    try:
        import onnx
        from onnxruntime import quantization
        from onnxruntime.quantization import shape_inference
    except ImportError:
        raise UserError("int8 ONNX needs onnx and onnxruntime: pip install 'parcnet[onnx]'.") from None
    # onnxruntime warns about its own calls, and logs advice to the root logger
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), only_errors(logging.root):
        warnings.simplefilter("ignore")
        inferred = Path(folder) / "inferred.onnx"
        shape_inference.quant_pre_process(str(plain), str(inferred), skip_optimization=True, skip_symbolic_shape=True)
        name = onnx.load(str(inferred), load_external_data=False).graph.input[0].name
        quantization.quantize_static(
            str(inferred),
            str(path),
            _Reader(images, batch, name),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTISED),
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=list(excluded),
            extra_options={"ActivationSymmetric": False},
        )
    source, result = onnx.load(str(plain)), onnx.load(str(path))
    del result.metadata_props[:]
    result.metadata_props.extend(source.metadata_props)
    path.write_bytes(result.SerializeToString())


def quantised_openvino(model: Any, images: Tensor, batch: int, excluded: Sequence[str] = ()) -> Any:
    """The openvino.Model with convolutions and matrix products in int8, by nncf's post-training quantisation.

    Nodes in `excluded` stay in fp32.
    """
    openvino()
    try:
        with no_telemetry(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nncf's imports warn
            import nncf
    except ImportError:
        raise UserError("int8 OpenVINO needs nncf: pip install 'parcnet[openvino]'.") from None
    nncf.set_log_level(logging.ERROR)
    inputs = _batches(images, batch)
    # OpenVINO splits a node with a bias in two, and adds this suffix to the name of the first
    names = [*excluded, *(f"{name}/WithoutBiases" for name in excluded)]
    ignored = nncf.IgnoredScope(names=names, types=list(_FLOAT), validate=False)
    return nncf.quantize(model, nncf.Dataset(inputs), subset_size=len(inputs), ignored_scope=ignored)
