"""The graph of a module, traced with torch.fx: its operations, their shapes and their parameters.

Not torchview: it needs the Graphviz program, and shows neither the kernels of our layers nor parameters and MACs.
"""

import operator
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from timm.models._features_fx import get_notrace_modules
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from parcnet.layers import CircularConv1d, OversizedConv1d, OversizedConv2d
from parcnet.layers.line_embedding import LineEmbedding
from parcnet.plots.graphs import Box

_PASSED = (nn.Identity, nn.Dropout)  # identities in eval mode
_FUNCTIONS: dict[Callable[..., Any], tuple[str, str]] = {
    operator.mul: ("multiply", "attention"),
    torch.mul: ("multiply", "attention"),
    operator.add: ("add", "other"),
    operator.iadd: ("add", "other"),
    torch.add: ("add", "other"),
    torch.cat: ("concatenate", "other"),
    torch.chunk: ("split", "other"),
    torch.split: ("split", "other"),
    F.gelu: ("GELU", "activation"),
    F.silu: ("swish", "activation"),
    F.hardswish: ("hard swish", "activation"),
    F.hardsigmoid: ("hard sigmoid", "activation"),
}


class _Tracer(fx.Tracer):
    """Leaves: modules without children, and those that timm declares untraceable."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return (
            not any(m.children())
            or isinstance(m, tuple(get_notrace_modules()))
            or super().is_leaf_module(m, module_qualified_name)
        )


def block_graph(module: nn.Module, shape: tuple[int, int, int]) -> list[Box]:
    """The operations of `module` on a map of `shape` (channels, height, width), traced on the meta device."""
    module = module.to("meta").eval()
    traced = fx.GraphModule(module, _Tracer().trace(module))
    ShapeProp(traced).propagate(torch.empty(1, *shape, device="meta"))
    boxes: list[Box] = []
    stands_for: dict[fx.Node, str] = {}  # a node without a box -> the box whose output it passes on
    for node in traced.graph.nodes:
        sources = tuple(dict.fromkeys(stands_for[each] for each in node.all_input_nodes if each in stands_for))
        box = _box(node, traced, sources)
        if box is not None:
            boxes.append(box)
            stands_for[node] = box.key
        elif sources:
            stands_for[node] = sources[0]
    return boxes


def stage_graph(model: nn.Module, size: int) -> list[Box]:
    """The parts of a network in order, each with output shape, parameters and MACs on an image of size x size."""
    model = model.to("meta").eval()
    shapes: dict[str, tuple[int, ...]] = {}
    parts = dict(_parts(model))
    hooks = [part.register_forward_hook(_noting(name, shapes)) for name, part in parts.items()]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.empty(1, 3, size, size, device="meta"))
    for hook in hooks:
        hook.remove()
    spent = {name.partition(".")[2]: sum(ops.values()) for name, ops in counter.get_flop_counts().items()}
    boxes = [Box("image", "image", _dimensions((3, size, size)))]
    for name, part in parts.items():
        params = sum(each.numel() for each in part.parameters())
        detail = f"{_dimensions(shapes[name])}, {params / 1e6:.2f}M, {spent.get(name, 0) / 2e9:.2f}G MACs"
        boxes.append(Box(name, _called(name, part), detail, _kind_of_part(part), (boxes[-1].key,)))
    return boxes


def _parts(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Stem, stages and head; a sequence of stages is one part a stage."""
    found = []
    for name, child in model.named_children():
        if isinstance(child, nn.Sequential):
            found += [(f"{name}.{key}", part) for key, part in child.named_children()]
        else:
            found.append((name, child))
    return found


def _noting(name: str, shapes: dict[str, tuple[int, ...]]) -> Callable[[nn.Module, Any, Tensor], None]:
    def note(_module: nn.Module, _given: Any, output: Tensor) -> None:
        shapes[name] = tuple(output.shape[1:])

    return note


def _called(name: str, part: nn.Module) -> str:
    blocks = getattr(part, "blocks", None)
    if not isinstance(blocks, nn.Sequential):
        return f"{name}: {type(part).__name__}"
    kinds = Counter(_kind_of_block(block) for block in blocks)
    return f"{name}: " + " + ".join(f"{number} {kind}" for kind, number in kinds.items())


def _kind_of_block(block: nn.Module) -> str:
    inner = getattr(block, "blocks", None)
    kind = type(block).__name__
    return f"{kind} of {len(inner)} blocks" if isinstance(inner, nn.Sequential) else kind


def _kind_of_part(part: nn.Module) -> str:
    return "space" if hasattr(part, "blocks") else "channels"


def _box(node: fx.Node, traced: fx.GraphModule, sources: tuple[str, ...]) -> Box | None:
    shape = _dimensions(tuple(node.meta["tensor_meta"].shape[1:])) if _is_tensor(node) else ""
    match node.op:
        case "placeholder":
            return Box(node.name, "input", shape)
        case "call_module":
            module = traced.get_submodule(str(node.target))
            if isinstance(module, _PASSED):
                return None
            label, kind = _described(module)
            params = sum(each.numel() for each in module.parameters())
            detail = f"{shape}, {params:,} parameters" if params else shape
            return Box(node.name, label, detail, kind, sources)
        case "call_function" if node.target in _FUNCTIONS:
            label, kind = _FUNCTIONS[node.target]
            kind = "other" if kind == "attention" and len(sources) < 2 else kind
            return Box(node.name, label, shape, kind, sources)
        case "call_method" if node.target in ("chunk", "split"):
            return Box(node.name, "split", "", "other", sources)
        case "call_method" if node.target == "mean":
            return Box(node.name, "mean", shape, "space", sources)
    return None


def _described(module: nn.Module) -> tuple[str, str]:
    """The label of a module's box, and its kind, which sets the colour."""
    match module:
        case nn.Conv2d():
            size = "x".join(map(str, module.kernel_size))
            if module.groups > 1:
                return f"{size} depthwise", "space"
            return f"{size} convolution", "channels" if size == "1x1" else "space"
        case nn.Linear():
            return "linear", "channels"
        case OversizedConv2d():
            return f"oversized {module.kernel_h.shape[1]}x1, 1x{module.kernel_w.shape[1]}", "space"
        case OversizedConv1d():
            return f"oversized {_line(module.kernel.shape[1], module.vertical)}", "space"
        case CircularConv1d():
            return f"circular {_line(module.kernel.shape[1], module.vertical)}", "space"
        case LineEmbedding():
            return f"position embedding of {'rows' if module.vertical else 'columns'}", "other"
    name = type(module).__name__
    return name, "norm" if "Norm" in name else "activation" if not list(module.parameters()) else "other"


def _line(taps: int, vertical: bool) -> str:
    return f"{taps}x1" if vertical else f"1x{taps}"


def _is_tensor(node: fx.Node) -> bool:
    return hasattr(node.meta.get("tensor_meta"), "shape")


def _dimensions(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
