"""torch.export archives (.pt2), run by torch."""

import warnings
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.deploy.file_metadata import KEY
from parcnet.deploy.request import Request
from parcnet.deploy.runtimes.archive_check import check_archive, tensors_only
from parcnet.deploy.runtimes.runtime import Run, Runtime


def write(network: nn.Module, example: Tensor, request: Request, metadata: str, path: Path) -> None:
    """Writes the network as a graph of torch operators, with its metadata as an extra file of the archive."""
    shapes = ({0: torch.export.Dim("batch", min=1)},) if request.batch is None else None
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision warns about its operator registration
        program = torch.export.export(network, (example,), dynamic_shapes=shapes)
    torch.export.save(program, path, extra_files={KEY: metadata})


def _load(path: Path, threads: int | None) -> Run:
    program = _read(path, {}).module(check_guards=False)  # guards are Python code; `ExportedPredictor` checks sizes
    if threads is not None:
        torch.set_num_threads(threads)

    def run(values: NDArray[Any]) -> list[NDArray[Any]]:
        from parcnet.deploy.prepare import flattened

        with torch.inference_mode():
            return [each.numpy() for each in flattened(program(torch.from_numpy(values)))]

    return run


def _metadata(path: Path) -> str | None:
    extra = {KEY: ""}
    _read(path, extra)
    text = extra[KEY]
    return text.decode() if isinstance(text, bytes) else text


def _read(path: Path, extra: dict[str, Any]) -> torch.export.ExportedProgram:
    check_archive(path)
    with warnings.catch_warnings(), tensors_only():
        warnings.simplefilter("ignore")  # torch warns about its own archive
        try:
            return torch.export.load(path, extra_files=extra)
        except Exception as error:  # torch.export's exceptions share no class
            raise UserError(f"{path} is not a torch.export archive, or is truncated: {error}") from None


TORCH = Runtime("torch", _load, _metadata, ("torch",))
