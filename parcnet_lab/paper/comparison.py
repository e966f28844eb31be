"""A printed table beside our counts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

from parcnet.models import Complexity
from parcnet.models.staged import StagedNetwork
from parcnet.recipes import packaged, read_recipe
from parcnet_lab.paper import counting
from parcnet_lab.paper.printed import PrintedNetwork, PrintedRow, PrintedTable, touching

_UNITS = {"params": 10**6, "macs": 10**9}
_PRETRAINED = {"": "", "ImageNet-21K": "_from_21k"}


@dataclass(frozen=True, slots=True)
class Count:
    """One of our counts beside the printed one."""

    printed: str
    counted: float
    """In the unit of the column: millions, or 1e9 multiply-adds."""
    reason: str | None
    """Why it differs, as far as known."""

    @property
    def difference(self) -> float:
        """Relative to the printed figure."""
        return self.counted / float(self.printed) - 1

    @property
    def agrees(self) -> bool:
        """Whether our count, rounded to the printed digits, is the printed figure."""
        printed = Decimal(self.printed)
        return Decimal(self.counted).quantize(printed, ROUND_HALF_UP) == printed


@dataclass(frozen=True, slots=True)
class Compared:
    """A row with its counts."""

    row: PrintedRow
    whole: Complexity | None
    """Counts of the whole network of the row's task, where it can be built."""
    backbone: Complexity | None
    """Otherwise counts of the backbone without classifier, at `counting.SIZES`."""
    counts: Mapping[str, Count]
    """Column -> our count beside the printed one; only for whole networks."""
    configuration: Mapping[str, str]
    """Channels and blocks of the stages, as the table prints them; only for tables of configurations."""
    recipe: str | None
    """The packaged recipe that trains it, for networks of ours."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        row = self.row
        return {
            "model": row.model,
            "group": row.group,
            "network": row.subject.network,
            "absent": row.subject.absent,
            "printed": dict(row.printed),
            "params": None if self.whole is None else self.whole.params,
            "macs": None if self.whole is None else self.whole.macs,
            "image_size": row.subject.size,
            "backbone_params": None if self.backbone is None else self.backbone.params,
            "backbone_macs": None if self.backbone is None else self.backbone.macs,
            "differences": {
                column: {"relative": count.difference, "agrees": count.agrees, "reason": count.reason}
                for column, count in self.counts.items()
            },
            "configuration": dict(self.configuration),
            "recipe": self.recipe,
            "note": row.note,
        }


def compare(table: PrintedTable) -> Iterator[Compared]:
    """The rows in order, each counted when it is reached. Raises `UserError` for a network that is not registered."""
    return (_compared(row, table) for row in table.rows)


def to_dict(table: PrintedTable, rows: Sequence[Compared]) -> dict[str, Any]:
    """The compared table as JSON."""
    return {
        "name": table.name,
        "source": f"{table.text}, {table.number} ({table.section})",
        "title": table.title,
        "states": dict(table.states),
        "columns": dict(table.columns),
        "backbone_image_size": counting.SIZES.get(table.task),
        "not_built": counting.missing(table.task),
        "rows": [row.to_dict() for row in rows],
        "notes": list(table.notes),
        "contradictions": [{"says": each.says, "here": each.here} for each in touching(table.name)],
    }


def _compared(row: PrintedRow, table: PrintedTable) -> Compared:
    subject = row.subject
    if subject.network is None:
        return Compared(row, None, None, {}, {}, None)
    recipe = _recipe(subject.network, table.pretrained) if table.task == "classification" else None
    if counting.missing(table.task) is not None:
        return Compared(row, None, counting.backbone(subject, counting.SIZES[table.task]), {}, {}, recipe)
    whole = counting.COUNTERS[table.task](replace(subject, group=row.group))
    if whole is None:
        return Compared(row, None, counting.backbone(subject, counting.SIZES[table.task]), {}, {}, recipe)
    found = {"params": whole.params, "macs": whole.macs}
    counts = {
        column: Count(row.printed[column], found[column] / unit, subject.differs.get(column))
        for column, unit in _UNITS.items()
        if column in table.columns
    }
    configuration = _configuration(subject) if table.task == "configuration" else {}
    return Compared(row, whole, None, counts, configuration, recipe)


def _configuration(subject: PrintedNetwork) -> dict[str, str]:
    model = counting.network(subject)
    assert isinstance(model, StagedNetwork)
    channels = tuple(each["num_chs"] for each in model.feature_info)
    blocks = tuple(len(counting.blocks(model, stage)) for stage in range(len(channels)))
    return {"channels": str(channels), "blocks": str(blocks)}


def _recipe(network: str, pretrained: str) -> str | None:
    return _recipes_by_network(_PRETRAINED[pretrained]).get(network)


@cache
def _recipes_by_network(suffix: str) -> dict[str, str]:
    shortest_last = sorted(packaged(), key=len, reverse=True)  # so that the plain recipe wins over its variants
    fitting = [name for name in shortest_last if name.startswith("imagenet1k_") and name.endswith(suffix)]
    return {read_recipe(name).network.model: name for name in fitting}
