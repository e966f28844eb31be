"""Latency of whole networks, ours and their peers in every form, interleaved in one process."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from parcnet.base.console import Advance
from parcnet.base.timing import interleave
from parcnet.models import complexity
from parcnet_lab.bench.networks import OURS, PEER, Contender, agreement, contenders, forms_of, in_form


@dataclass(frozen=True, slots=True)
class LatencySetting:
    """One comparison: networks of a tag on images [batch, 3, image, image]."""

    tag: str
    batch: int
    image: int
    forms: tuple[str, ...]
    peers: tuple[str, ...]


def measure(
    settings: Iterable[LatencySetting], device: torch.device, dtype: torch.dtype, seconds: float, note: Advance
) -> Iterator[list[dict[str, Any]]]:
    """The rows of each setting in turn: network, form, `timing` (None when it failed, with the reason).

    Before a form is timed, its logits are compared with those of the network it was built from. `seconds` is the budget
    of a setting's rounds, compilation excluded. note(1, what) is called before each form is built.
    """
    for setting in settings:
        yield _measure(setting, device, dtype, seconds, note)
        torch.compiler.reset()  # frees the compiled code and its weights


@torch.inference_mode()
def _measure(
    setting: LatencySetting, device: torch.device, dtype: torch.dtype, seconds: float, note: Advance
) -> list[dict[str, Any]]:
    image = torch.randn(setting.batch, 3, setting.image, setting.image, device=device).to(dtype)
    rows: dict[str, dict[str, Any]] = {}
    calls: dict[str, Callable[[], Tensor]] = {}
    for contender in contenders(setting.tag, setting.image, setting.peers):
        model = contender.build().eval().to(device, dtype)
        size = asdict(complexity_of(contender, setting.image))
        for form in forms_of(contender.side, setting.forms):
            key = f"{contender.network} {form}"
            note(1, f"{key}, batch {setting.batch}")
            failure: str | None = None
            try:
                infer = in_form(model, form, image)
            except RuntimeError as error:  # no C++ compiler, a torch.compile failure, a failed parity check
                failure = f"cannot be made here: {(str(error).splitlines() or [type(error).__name__])[0]}"
            else:
                failure = agreement(infer, model, image)
            if failure is None:
                calls[key] = bound(infer, image)
            rows[key] = {
                "tag": setting.tag,
                "batch": setting.batch,
                "image": setting.image,
                "side": contender.side,
                "network": contender.network,
                "form": form,
                **size,
                "failure": failure,
                "timing": None,
            }
    for key, timing in interleave(calls, device=device, seconds=seconds).items():
        rows[key]["timing"] = asdict(timing)
    return list(rows.values())


def ratios(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Our fastest form against each peer's fastest, by tag and batch, and our plain form against our fastest.

    `ratio` below 1: ours is faster.
    """
    compared = []
    groups = dict.fromkeys((row["tag"], row["batch"], row["image"]) for row in rows)
    for tag, batch, image in groups:
        group = [r for r in rows if (r["tag"], r["batch"], r["image"]) == (tag, batch, image) and r["timing"]]
        ours = _fastest(row for row in group if row["side"] == OURS and row["form"] != "plain")
        if ours is None:
            continue
        plain = _fastest(row for row in group if row["form"] == "plain")
        for name in dict.fromkeys(row["network"] for row in group if row["side"] == PEER):
            peer = _fastest(row for row in group if row["network"] == name)
            if peer is None:
                continue
            mine, theirs = ours["timing"]["median_ms"], peer["timing"]["median_ms"]
            compared.append(
                {
                    "tag": tag,
                    "batch": batch,
                    "image": image,
                    "ours": ours["network"],
                    "our_form": ours["form"],
                    "our_ms": mine,
                    "peer": name,
                    "peer_form": peer["form"],
                    "peer_ms": theirs,
                    "ratio": mine / theirs,
                    "plain_over_ours": None if plain is None else plain["timing"]["median_ms"] / mine,
                }
            )
    return compared


def complexity_of(contender: Contender, image: int) -> Any:
    """Parameters and multiply-adds, counted on the meta device."""
    with torch.device("meta"):
        return complexity(contender.build(), (3, image, image))


def bound(infer: Callable[[Tensor], Tensor], image: Tensor) -> Callable[[], Tensor]:
    """The timed call, without arguments."""

    def call() -> Tensor:
        with torch.inference_mode():
            return infer(image)

    return call


def _fastest(rows: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    return min(rows, key=lambda row: row["timing"]["median_ms"], default=None)
