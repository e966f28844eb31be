"""Time of one training step (forward, backward, AdamW), ours and its peers', interleaved in one process."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from parcnet.base import UserError
from parcnet.base.console import Advance
from parcnet.base.timing import interleave
from parcnet_lab.bench.network_latency import complexity_of
from parcnet_lab.bench.networks import contenders

FORMS = {
    "eager": "forward, cross entropy, backward, AdamW, channels_last",
    "compiled": "the same, the network through torch.compile",
}
"""Ways to run a step, by name."""


def measure(
    tags: Sequence[str],
    batch: int,
    image: int,
    peers: Sequence[str],
    forms: Sequence[str],
    device: torch.device,
    dtype: torch.dtype,
    seconds: float,
    note: Advance,
) -> Iterator[list[dict[str, Any]]]:
    """The rows of each tag in turn: network, form, parameters, multiply-adds of an image, `timing` of a step.

    Weights are float32 in channels_last memory; bfloat16 means autocast, as it does in training.
    """
    if dtype == torch.float16:
        raise UserError("fp16 training needs a loss scaler, which would be timed too: use fp32 or bf16.")
    for tag in tags:
        rows, steps = [], {}
        for contender in contenders(tag, image, peers):
            note(1, contender.network)
            for form in forms:
                # torch's stubs have no overload of `to` with both
                model = contender.build().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
                name = f"{contender.network} {form}"
                steps[name] = step(model, batch, image, dtype, compiled=form == "compiled")
                rows.append(
                    {
                        "tag": tag,
                        "batch": batch,
                        "image": image,
                        "side": contender.side,
                        "network": contender.network,
                        "form": form,
                        **asdict(complexity_of(contender, image)),
                    }
                )
        timed = interleave(steps, device=device, seconds=seconds, warmup=1)
        yield [{**row, "timing": asdict(timed[f"{row['network']} {row['form']}"])} for row in rows]


def step(model: nn.Module, batch: int, image: int, dtype: torch.dtype, compiled: bool = False) -> Callable[[], None]:
    """A call that takes one optimiser step on random images and labels; the first of a compiled one compiles."""
    model.train()
    forward = torch.compile(model, dynamic=False) if compiled else model
    weight = next(model.parameters())
    images = torch.randn(batch, 3, image, image, device=weight.device).contiguous(memory_format=torch.channels_last)
    labels = torch.zeros(batch, dtype=torch.long, device=weight.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.05)

    def call() -> None:
        with torch.autocast(weight.device.type, dtype, enabled=dtype != torch.float32):
            loss = F.cross_entropy(forward(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return call


def ratios(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Our step against each peer's, each in its fastest form, by tag; `ratio` below 1: ours is faster."""
    fastest: dict[tuple[str, str], dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: -float(row["timing"]["median_ms"])):
        fastest[row["tag"], row["network"]] = row
    compared = []
    for ours in (row for row in fastest.values() if row["side"] == "ours"):
        for peer in (row for row in fastest.values() if row["side"] == "peer" and row["tag"] == ours["tag"]):
            ratio = ours["timing"]["median_ms"] / peer["timing"]["median_ms"]
            compared.append({"tag": ours["tag"], "ours": ours, "peer": peer, "ratio": ratio})
    return compared
