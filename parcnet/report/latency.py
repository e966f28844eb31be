"""Section on latency and throughput."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from parcnet.base import counted, versions
from parcnet.base.machine import device_name
from parcnet.base.page import PageTable
from parcnet.base.timing import interleave
from parcnet.evaluation import torch_predictor
from parcnet.models import ParCNetV2, optimize
from parcnet.report.bounds import Bounds
from parcnet.report.run_record import RunRecord
from parcnet.report.section import Section, first_line

_BATCHES = (1, 8)


def speed(run: RunRecord, bounds: Bounds, device: torch.device) -> Section:
    """Latency and throughput in fp32, as trained and after `parcnet.optimize`, without reading files."""
    model, preprocessing = run.explained.model.to(device), run.explained.preprocessing
    batches = _BATCHES[:1] if run.explained.backbone_only else _BATCHES  # the images of such networks are large
    calls: dict[str, Callable[[], object]] = {}
    missing: list[str] = []
    with torch_predictor(model, device, finite=False) as predict:
        for batch in batches:
            images = torch.randn(batch, preprocessing.channels, *preprocessing.size)
            calls[f"as trained, batch {batch}"] = partial(predict, images)
            if bounds.optimized and isinstance(model, ParCNetV2):
                optimized = _optimized(model, images.to(device))
                if isinstance(optimized, str):
                    missing = [f"the optimized network ({optimized})"]
                else:
                    calls[f"parcnet.optimize, batch {batch}"] = optimized
        timed = interleave(calls, device=device, seconds=bounds.timing_seconds)
    rows = []
    for name, timing in timed.items():
        batch = int(name.rpartition(" ")[2])
        rate = 1000 * batch / timing.median_ms
        spread = f"{timing.p25_ms:.3g} to {timing.p75_ms:.3g}"
        rows.append((name, f"{timing.median_ms:.3g}", spread, f"{rate:,.0f}"))
    columns = ("network", "ms per batch (median)", "quartiles, ms", "images/s")
    height, width = preprocessing.size
    threads = f", {counted(torch.get_num_threads(), 'thread')}" if device.type == "cpu" else ""
    installed = ", ".join(f"{name} {version}" for name, version in versions().items())
    text = [
        f"{device_name(device)}{threads}, fp32, {height} x {width} px, random input, interleaved rounds. Includes the "
        f"copy to the device, excludes reading files. Other load on the machine affects the figures. {installed}."
    ]
    if run.explained.backbone_only:
        text.insert(0, "Backbone only.")
    table = PageTable("latency and throughput", columns, rows)
    return Section("speed", "Speed on this machine", text, missing, [table])


def _optimized(model: ParCNetV2, images: Tensor) -> Callable[[], object] | str:
    """A function that runs the optimized network, or the reason why there is none."""
    try:
        fast = optimize(model, images)
    except (RuntimeError, ValueError) as error:
        return first_line(error)
    return lambda: fast(images)
