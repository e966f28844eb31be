"""Printed accuracy against cost: ICCV 2023, Fig. 1, and supplement, Fig. 2."""

from collections.abc import Callable

from parcnet.plots.scatter import ScatterChart
from parcnet_lab.paper import counting
from parcnet_lab.paper.latencies import Latencies, fastest
from parcnet_lab.paper.printed import PrintedRow, tables

_FAMILIES = {
    "ParCNetV2": ("ParCNetV2-T", "ParCNetV2-S", "ParCNetV2-B"),
    "ConvNeXt": ("ConvNeXt-T", "ConvNeXt-S", "ConvNeXt-B"),
    "Swin": ("Swin-T", "Swin-S", "Swin-B"),
    "SLaK (dense)": ("SLaK-T", "SLaK-S", "SLaK-B"),
    "RepLKNet": ("RepLKNet-31B",),
}
_TOP1 = "ImageNet-1K top-1 as printed by the authors (%)"

Points = list[tuple[float, float, str]]


def by_parameters() -> ScatterChart:
    """Printed accuracy over counted parameters."""

    def millions(row: PrintedRow) -> float:
        return counting.classifier(row.subject).params / 1e6

    return ScatterChart(_families(millions), "parameters, counted here (M)", _TOP1, "size")


def by_eager_latency(latencies: Latencies) -> ScatterChart:
    """Printed accuracy over the eager latency of the networks."""

    def eager(row: PrintedRow) -> float | None:
        return latencies.milliseconds.get((str(row.subject.network), "eager"))

    return ScatterChart(_families(eager), _label(latencies), _TOP1, "latency, eager")


def by_fastest_latency(latencies: Latencies) -> ScatterChart:
    """Printed accuracy over the latency of each network's fastest form."""
    best = fastest(latencies)

    def quickest(row: PrintedRow) -> float | None:
        found = best.get(str(row.subject.network))
        return None if found is None else found[0]

    return ScatterChart(_families(quickest), _label(latencies), _TOP1, "latency, each network's fastest form")


def _families(cost: Callable[[PrintedRow], float | None]) -> dict[str, Points]:
    printed = {row.model: row for name in ("iccv-table3", "iccv-table2") for row in tables()[name].rows}
    families = {}
    for family, names in _FAMILIES.items():
        found = [(cost(printed[name]), float(printed[name].printed["top1"]), name.rpartition("-")[2]) for name in names]
        points = [(x, top1, tag) for x, top1, tag in found if x is not None]
        if points:
            families[family] = points
    return families


def _label(latencies: Latencies) -> str:
    return f"latency here, batch {latencies.batch}, 224 px (ms)"
