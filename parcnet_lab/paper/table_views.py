"""Compared tables, the inventory and the contradictions as rows of text, for the console and for Markdown."""

from collections.abc import Sequence

from parcnet.models import Complexity
from parcnet_lab.bench.tables import markdown_table
from parcnet_lab.bench.views import View
from parcnet_lab.paper import counting
from parcnet_lab.paper.comparison import Compared, Count
from parcnet_lab.paper.printed import (
    Contradiction,
    PrintedFigure,
    PrintedTable,
    contradictions,
    items,
    tables,
    touching,
)

_COUNTED = ("params", "macs")
_UNITS = {"params": ("parameters, M", 1e6), "macs": ("MACs, G", 1e9)}
_NEEDS = {
    "configuration": "nothing",
    "classification": "nothing; top-1 needs ImageNet and GPUs",
    "detection": "nothing; AP needs COCO and GPUs",
    "segmentation": "nothing; mIoU needs ADE20K and GPUs",
}
PAGE = "docs/paper_and_code.md"
"""The generated page of contradictions."""

_INTRODUCTION = f"""\
# The papers and the code

<!-- This page is written by `parcnet paper contradictions --markdown -o {PAGE}`. -->

ParCNetV2 is described by three texts (ICCV 2023, its supplement, and arXiv v1) and released code, without weights. This
page lists where they contradict themselves or each other, and what this library does. `parcnet paper list` lists every
table and figure; `parcnet paper NAME` prints one beside our counts.
"""


def table_view(table: PrintedTable, rows: Sequence[Compared]) -> tuple[View, list[str]]:
    """The compared table, and the remarks that its cells refer to by number."""
    remarks: list[str] = []
    columns = ["model", "network"]
    for column, heading in table.columns.items():
        columns.append(f"{heading}, printed")
        if column in _COUNTED and counting.missing(table.task) is None:
            columns += ["counted", "difference"]
    if table.task == "configuration":
        columns += [f"{each}, read" for each in ("channels", "blocks")]
        columns += [f"{heading}, counted" for heading, _ in _UNITS.values()]
    if table.task == "detection":
        columns += [f"whole {heading}, counted at {_size(table)}" for heading, _ in _UNITS.values()]
    if counting.missing(table.task) is not None:
        height, width = counting.SIZES[table.task]
        columns += [f"backbone {heading}, counted at {height} x {width}" for heading, _ in _UNITS.values()]
    if table.task == "classification":
        columns.append("recipe (not run by us)")
    lines = [_cells(each, table, remarks) for each in rows]
    return View(f"{table.text}, {table.number}: {table.title}", tuple(columns), lines), remarks


def remarks_of(table: PrintedTable, remarks: Sequence[str]) -> list[str]:
    """The remarks below a table: how it is counted, why counts differ, and the contradictions that concern it."""
    lines = [f"[{number}] {remark}." for number, remark in enumerate(remarks, 1)]
    lines += table.notes
    if table.task == "detection":
        lines.append(
            f"Counted: multiply-adds of convolutions and matrix products for one image of {_size(table)}, with 1,000 "
            "regions in every box head and 100 in every mask head. The papers print no counts of detectors; those of "
            "ConvNeXt-T and Swin-T are what their authors print, to 1G (48M/262G and 48M/267G with Mask R-CNN, "
            "86M/741G and 86M/745G with Cascade)."
        )
    else:
        lines.append(
            "Counted: multiply-adds of convolutions and matrix products, including attention, for one image of "
            f"{_size(table)}; `=` means equal to the printed digits."
        )
    if missing := counting.missing(table.task):
        lines.append(f"The whole network {missing}: only the backbone is counted, without classifier.")
    lines.append("Printed values, accuracies above all, are the authors'; none is reproduced here.")
    return [*lines, *said_of(table.name)]


def said_of(name: str) -> list[str]:
    """The contradictions that concern a table or figure, as sentences."""
    return [f"{each.title}: {each.says} Here: {each.here}" for each in touching(name)]


def table_markdown(table: PrintedTable, rows: Sequence[Compared]) -> str:
    """The compared table as Markdown."""
    shown, remarks = table_view(table, rows)
    beneath = [f"- {line}" for line in remarks_of(table, remarks)]
    return "\n".join([f"**{shown.title}**", "", *markdown_table(shown.columns, shown.rows), "", *beneath, ""])


def inventory() -> View:
    """Every table and figure of the three texts: its command, what it needs, and what is available here."""
    rows = []
    for each in items().values():
        needs = _NEEDS[each.task] if isinstance(each, PrintedTable) else each.needs
        source = f"{each.text}, {each.number}"
        rows.append((source, each.title, needs, _states(each), command_for(each) or "-"))
    return View("Tables and figures", ("source", "shows", "needs", "state here", "command"), rows)


def command_for(item: PrintedTable | PrintedFigure) -> str | None:
    """The command that prints the table or draws the figure; None for a figure that we do not draw."""
    if isinstance(item, PrintedTable):
        return f"parcnet paper {item.name}"
    if item.draws is None:
        return None
    trained = " --checkpoint RUN" if "--checkpoint" in item.needs else ""
    return f"parcnet paper {item.name}{trained} -o {item.name}.png"


def contradictions_view() -> View:
    """All contradictions as a table."""
    rows = [(each.title, each.says, each.here, _touched(each)) for each in contradictions()]
    return View("Contradictions in the papers", ("what", "the papers", "here", "concerns"), rows)


def contradictions_page() -> str:
    """All contradictions as a Markdown page."""
    sections = [
        f"## {each.title}\n\n{each.says}\n\n**Here:** {each.here} Concerns {_touched(each)}.\n"
        for each in contradictions()
    ]
    return "\n".join([_INTRODUCTION, *sections, "## Counts that differ from the printed ones\n", *_explained(), ""])


def _explained() -> list[str]:
    """Each reason for a difference between counted and printed, with the printed figures it concerns."""
    concerned: dict[str, dict[tuple[str, str, str], str]] = {}
    for table in tables().values():
        for row in table.rows if counting.missing(table.task) is None else ():
            for column in _UNITS:
                if column in table.columns and column in row.subject.differs:
                    figure = (row.model, column, row.printed[column])  # printed in several tables: the first is named
                    where = f"{row.model} ({table.text}, {table.number}; {_UNITS[column][0]}: {row.printed[column]})"
                    concerned.setdefault(row.subject.differs[column], {}).setdefault(figure, where)
    return [f"- {', '.join(places.values())}: {reason}." for reason, places in concerned.items()]


def _cells(compared: Compared, table: PrintedTable, remarks: list[str]) -> tuple[str, ...]:
    row = compared.row
    name = f"{row.group}: {row.model}" if row.group else row.model
    cells = [f"{name} ({row.note})" if row.note else name, row.subject.network or f"none: {row.subject.absent}"]
    whole = counting.missing(table.task) is None
    for column in table.columns:
        cells.append(row.printed[column])
        if column in _COUNTED and whole:
            cells += _count_cells(compared.counts.get(column), row.printed[column], remarks)
    if table.task == "configuration":
        cells += [compared.configuration[each] for each in ("channels", "blocks")]
        cells += _complexity_cells(compared.whole)
    if table.task == "detection":
        cells += _complexity_cells(compared.whole)
    if not whole:
        cells += _complexity_cells(compared.backbone)
    if table.task == "classification":
        cells.append(compared.recipe or "-")
    return tuple(cells)


def _count_cells(count: Count | None, printed: str, remarks: list[str]) -> tuple[str, str]:
    if count is None:
        return "-", "-"
    digits = max(2, len(printed.partition(".")[2]) + 1)
    counted = f"{count.counted:.{digits}f}"
    if count.agrees:
        return counted, "="
    if count.reason is None:
        return counted, f"{count.difference:+.1%}"
    if count.reason not in remarks:
        remarks.append(count.reason)
    return counted, f"{count.difference:+.1%} [{remarks.index(count.reason) + 1}]"


def _size(table: PrintedTable) -> str:
    if table.task in counting.SIZES:
        height, width = counting.SIZES[table.task]
        return f"{height} x {width} px"
    others = [f"{row.subject.size} px for {row.model}" for row in table.rows if row.subject.size != 224]
    return ", ".join(["224 px", *others])


def _complexity_cells(found: Complexity | None) -> list[str]:
    if found is None:
        return ["-", "-"]
    return [f"{getattr(found, column) / unit:.2f}" for column, (_, unit) in _UNITS.items()]


def _states(each: PrintedTable | PrintedFigure) -> str:
    return "; ".join(f"{state}: {what}" for state, what in each.states.items())


def _touched(each: Contradiction) -> str:
    known = items()
    return "; ".join(f"{known[name].text}, {known[name].number}" for name in each.touches)
