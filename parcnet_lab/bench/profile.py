"""Time of a forward pass by kind of operation."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from parcnet.base.console import Advance
from parcnet_lab.bench.network_latency import complexity_of
from parcnet_lab.bench.networks import OURS, contenders, in_form

KINDS = ("1x1", "depthwise", "stem and downsampling", "all else")


def measure(
    tags: Sequence[str],
    batch: int,
    image: int,
    peers: Sequence[str],
    device: torch.device,
    dtype: torch.dtype,
    passes: int,
    note: Advance,
) -> Iterator[dict[str, Any]]:
    """A row a network: milliseconds of a forward pass by kind, by torch's profiler, and the number of operations.

    Ours optimized by `parcnet.optimize`, peers eager. The profiler slows small operations: totals mislead.
    """
    for tag in tags:
        for contender in contenders(tag, image, peers):
            note(1, contender.network)
            model = contender.build().eval().to(device, dtype)
            x = torch.randn(batch, 3, image, image, device=device).to(dtype)
            x = x.contiguous(memory_format=torch.channels_last)
            form = "optimized" if contender.side == OURS else "eager"
            times, calls = _profiled(in_form(model, form, x), x, passes)
            yield {
                "tag": tag,
                "batch": batch,
                "image": image,
                "side": contender.side,
                "network": contender.network,
                "form": form,
                **asdict(complexity_of(contender, image)),
                "milliseconds": times,
                "calls": calls,
            }


@torch.inference_mode()
def _profiled(infer: Callable[[Tensor], Tensor], x: Tensor, passes: int) -> tuple[dict[str, float], float]:
    for _ in range(3):
        infer(x)
    on_gpu = x.device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities, record_shapes=True) as seen:
        for _ in range(passes):
            infer(x)
    times = dict.fromkeys(KINDS, 0.0)
    calls = 0
    for event in seen.key_averages(group_by_input_shape=True):
        took = event.self_device_time_total if on_gpu else event.self_cpu_time_total
        times[kind_of(event.key, event.input_shapes)] += took / passes / 1e3
        calls += event.count
    return times, calls / passes


def kind_of(operation: str, shapes: Sequence[Sequence[int]]) -> str:
    """The kind of an operation, from its name and the shapes of its inputs; weights are [out, in / groups, h, w]."""
    if "linear" in operation or operation.endswith(("addmm", "::mm")):
        return "1x1"
    if "conv" not in operation:
        return "all else"
    weights = [shape for shape in shapes[1:] if len(shape) == 4]
    if not weights:
        return "all else"
    _, inputs, height, width = weights[-1]
    if height == width == 1:
        return "1x1"
    return "depthwise" if inputs == 1 else "stem and downsampling"
