"""Static int8 by the runtimes' own tools: ranges of every map are found on real images, weights go by channel."""

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
from parcnet.deploy.graph import QUANTISED, errors_alone
from parcnet.deploy.runtimes.openvino_runtime import no_telemetry, openvino

_FLOAT = ("Multiply", "Subtract", "ReduceMean", "Power", "Divide", "Sqrt")
"""OpenVINO's operators of gates and norms, which nncf would quantise too; ONNX Runtime's tool is not asked to."""


class _Reader:
    """Calibration images in batches, as ONNX Runtime's tool asks for them."""

    def __init__(self, images: Tensor, batch: int, name: str) -> None:
        self.left: Iterator[dict[str, NDArray[Any]]] = ({name: chunk} for chunk in _batches(images, batch))

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """The next input, or None."""
        return next(self.left, None)


def _batches(images: Tensor, batch: int) -> list[NDArray[Any]]:
    """Whole batches alone: a file takes no other."""
    whole = [chunk for chunk in images.split(batch) if len(chunk) == batch]
    if not whole:
        raise UserError(f"{len(images)} images cannot calibrate a file of batch {batch}: give as many, or --batch 1.")
    return [np.ascontiguousarray(chunk.numpy()) for chunk in whole]


def quantise_onnx(plain: Path, images: Tensor, batch: int, path: Path, left: Sequence[str] = ()) -> None:
    """The fp32 file `plain` as `path` with convolutions and products in int8, QDQ format, weights by output channel.

    Nodes named in `left` stay in fp32. Metadata is kept. ONNX Runtime calibrates by the largest values seen.
    """
    try:
        import onnx
        from onnxruntime import quantization
        from onnxruntime.quantization import shape_inference
    except ImportError:
        raise UserError("int8 ONNX needs onnx and onnxruntime: pip install 'parcnet[onnx]'.") from None
    # it warns about its own calls, and logs advice to the root
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), errors_alone(logging.root):
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
            nodes_to_exclude=list(left),
            extra_options={"ActivationSymmetric": False},
        )
    source, result = onnx.load(str(plain)), onnx.load(str(path))
    del result.metadata_props[:]
    result.metadata_props.extend(source.metadata_props)
    path.write_bytes(result.SerializeToString())


def quantised_openvino(model: Any, images: Tensor, batch: int, left: Sequence[str] = ()) -> Any:
    """The openvino.Model with convolutions and products in int8, by nncf's post-training quantisation.

    Nodes named in `left` stay in fp32.
    """
    openvino()
    try:
        with no_telemetry(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of nncf's imports
            import nncf
    except ImportError:
        raise UserError("int8 OpenVINO needs nncf: pip install 'parcnet[openvino]'.") from None
    nncf.set_log_level(logging.ERROR)
    inputs = _batches(images, batch)
    # OpenVINO calls a node with a bias, which it parts in two, by its name in the graph and this
    names = [*left, *(f"{name}/WithoutBiases" for name in left)]
    ignored = nncf.IgnoredScope(names=names, types=list(_FLOAT), validate=False)
    return nncf.quantize(model, nncf.Dataset(inputs), subset_size=len(inputs), ignored_scope=ignored)
