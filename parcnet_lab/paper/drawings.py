"""Our versions of the papers' figures, drawn from the networks themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.layers.parc_net_block import ParCFrame
from parcnet.models import build
from parcnet.models.staged import StagedNetwork
from parcnet.plots.charts import charts
from parcnet.plots.graphs import GraphChart
from parcnet.plots.maps import mosaic
from parcnet.plots.panels import Panel, panels
from parcnet.tasks.loading import load_checkpoint
from parcnet_lab.paper import accuracy, counting, kernel_taps, latencies
from parcnet_lab.paper.module_graph import block_graph, stage_graph
from parcnet_lab.paper.printed import PrintedFigure

_SIDE = 14
"""Side in px of the third stage's maps at 224 px."""


@dataclass(frozen=True, slots=True)
class DrawingOptions:
    """The output file, and the data to draw."""

    path: Path
    checkpoint: Path | None = None
    results: Path = Path("benchmarks/results")
    measure: bool = False
    device: str = "auto"


def draw(figure: PrintedFigure, options: DrawingOptions) -> list[str]:
    """Draws our version of a figure; returns the remarks that belong below it.

    Raises `UserError` where a trained network or results of measurements are needed and missing.
    """
    assert figure.draws is not None, f"{figure.name} is not drawn"
    return _DRAWINGS[figure.draws](options)


def _accuracy(options: DrawingOptions) -> list[str]:
    known = latencies.measured(options.device) if options.measure else latencies.kept(options.results)
    shown = [accuracy.by_parameters()]
    remarks = ["Accuracies are the authors' as printed. SLaK is counted dense: the paper counts its non-zero weights."]
    if known is None:
        remarks.append(f"No latencies in {options.results}; --measure adds them.")
    else:
        shown.append(accuracy.by_eager_latency(known))
        remarks.append(f"Latency: {known.origin}.")
    charts(shown, options.path)
    return remarks


def _latency(options: DrawingOptions) -> list[str]:
    known = latencies.measured(options.device) if options.measure else latencies.required(options.results)
    shown = [accuracy.by_eager_latency(known)]
    if any(form != "eager" for _, form in known.milliseconds):
        shown.append(accuracy.by_fastest_latency(known))
    charts(shown, options.path)
    forms = ", ".join(f"{name} {form}" for name, (_, form) in latencies.fastest(known).items())
    return [
        "Accuracies are the authors' as printed; their latencies were taken on an RTX 3090 and have no table.",
        f"Latency: {known.origin}. Fastest forms: {forms}.",
    ]


def _reach(options: DrawingOptions) -> list[str]:
    shown = [
        Panel(f"circular, {_SIDE} taps: rows outputs, columns inputs", kernel_taps.reach_of_circular(_SIDE), "amount"),
        Panel(
            f"oversized, {2 * _SIDE - 1} taps: rows outputs, columns inputs",
            kernel_taps.reach_of_oversized(_SIDE),
            "amount",
        ),
    ]
    panels(shown, 2, options.path, size=3.6)
    return [
        "Rows are outputs, columns inputs; the colour is the number of the tap that connects them. The circular kernel "
        "uses the same tap for a neighbour and for a position across the border; the oversized one has a tap for each "
        "offset."
    ]


def _coverage(options: DrawingOptions) -> list[str]:
    last, middle = _SIDE - 1, _SIDE // 2
    positions = (("top left", 0, 0), ("top right", 0, last), ("middle", middle, middle), ("bottom right", last, last))
    centre = (_SIDE - 1, _SIDE - 1)
    shown = [
        Panel(f"output at the {name}", kernel_taps.taps_in_use(_SIDE, row, column), "amount", 1.0, centre)
        for name, row, column in positions
    ]
    panels(shown, 4, options.path, size=2.6)
    return [
        f"The {2 * _SIDE - 1} x {2 * _SIDE - 1} taps of an oversized kernel on a map of {_SIDE} x {_SIDE}. "
        "Dark: the taps that the named output uses, which cover the whole map each time. Circle: the centre tap."
    ]


def _transitions(successor: str, **bare: str) -> Callable[[DrawingOptions], list[str]]:
    def drawing(options: DrawingOptions) -> list[str]:
        first = _block("parcnet_s", 2)
        steps = [
            GraphChart("ParCNetV1: block of parcnet_s", block_graph(*first)),
            GraphChart("oversized, no gates", block_graph(*_block(successor, 2, **bare))),
            GraphChart(f"ParCNetV2: block of {successor}", block_graph(*_block(successor, 2))),
        ]
        charts(steps, options.path)
        return [
            "Blocks of the third stage at 224 px, traced from our networks. The papers' intermediate steps have no "
            "local convolution beside the oversized one; our registered network has."
        ]

    return drawing


def _gates(network: str) -> Callable[[DrawingOptions], list[str]]:
    def drawing(options: DrawingOptions) -> list[str]:
        block, shape = _block(network, 2)
        units = [
            GraphChart(f"{kind} gate unit of {network}", block_graph(block.get_submodule(kind), shape))
            for kind in ("spatial", "channel")
        ]
        charts(units, options.path)
        return ["The units of a block of the third stage at 224 px, traced from our network."]

    return drawing


def _branch(options: DrawingOptions) -> list[str]:
    block, shape = _block("parcnetv2_26m", 2)
    charts(
        [GraphChart("ParC branch of parcnetv2_26m", block_graph(block.get_submodule("spatial.mix"), shape))],
        options.path,
    )
    return ["The branch of a block of the third stage at 224 px (ratio 0.75), traced from our network."]


def _frameworks(options: DrawingOptions) -> list[str]:
    shown = [GraphChart(name, stage_graph(_network(name), 224)) for name in ("parcnet_s", "parcnetv2_tiny")]
    charts(shown, options.path)
    return ["Parts of the networks on an image of 224 px: output shape, parameters, multiply-adds."]


def _kernels(options: DrawingOptions) -> list[str]:
    vertical, horizontal = _trained(options, 16)
    shown = [
        Panel("vertical, a column a channel", vertical.T, "signed"),
        Panel("horizontal, a row", horizontal, "signed"),
    ]
    panels(shown, 2, options.path, size=3.6)
    return [f"16 channels drawn at random (seed 0) from {options.checkpoint}."]


def _kernels_2d(options: DrawingOptions) -> list[str]:
    vertical, horizontal = _trained(options, 32)
    tiles = vertical[:, :, None] * horizontal[:, None, :]
    panels([Panel("vertical x horizontal, by channel", mosaic(tiles, 8), "signed", 1.0)], 1, options.path, size=7.0)
    return [f"32 channels drawn at random (seed 0) from {options.checkpoint}, each on its own colour scale."]


def _trained(options: DrawingOptions, channels: int) -> tuple[kernel_taps.Array, kernel_taps.Array]:
    if options.checkpoint is None:
        raise UserError(
            "this figure needs a trained network, and the authors published none: name yours with "
            "--checkpoint RUN. `parcnet train` trains a small one in a minute."
        )
    model = load_checkpoint(options.checkpoint).network
    return kernel_taps.trained_kernels(model, str(options.checkpoint), channels)


def _network(name: str, **arguments: Any) -> StagedNetwork:
    with torch.device("meta"):
        model = build(name, **arguments)
    assert isinstance(model, StagedNetwork)
    return model


def _block(name: str, stage: int, **arguments: Any) -> tuple[nn.Module, tuple[int, int, int]]:
    """The last block of a stage (of ParC-Net: the first within its frame), and the shape of its map at 224 px."""
    model = _network(name, img_size=224, **arguments)
    block = counting.blocks(model, stage)[-1]
    if isinstance(block, ParCFrame):
        block = block.blocks[0]  # the one with position embeddings
    return block, _input_shape(model, block)


@torch.no_grad()
def _input_shape(model: nn.Module, block: nn.Module) -> tuple[int, int, int]:
    """(channels, height, width) of the input of `block` for an image of 224 px."""
    seen: list[Tensor] = []
    hook = block.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    model.eval()(torch.empty(1, 3, 224, 224, device="meta"))
    hook.remove()
    _, channels, height, width = seen[0].shape
    return channels, height, width


_DRAWINGS: dict[str, Callable[[DrawingOptions], list[str]]] = {
    "accuracy": _accuracy,
    "latency": _latency,
    "reach": _reach,
    "coverage": _coverage,
    "transitions": _transitions("parcnetv2_tiny", gate="none", channel="ffn"),
    "transitions_arxiv": _transitions("parcnetv2_26m", gate="none", channel="ffn"),
    "gates": _gates("parcnetv2_tiny"),
    "gates_arxiv": _gates("parcnetv2_26m"),
    "branch_arxiv": _branch,
    "frameworks": _frameworks,
    "kernels": _kernels,
    "kernels_2d": _kernels_2d,
}
