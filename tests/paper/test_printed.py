"""The printed tables as data: digits as in the texts, every row accounted for, every contradiction in its place."""

import pytest

from parcnet.base import UserError
from parcnet_lab.paper.printed import (
    STATES,
    TASKS,
    PrintedFigure,
    PrintedTable,
    contradictions,
    figures,
    item,
    subjects,
    tables,
)
from parcnet_lab.paper.table_views import command_for, inventory, said_of

# copied by hand from the texts, apart from the data files
SPOTS = [
    ("iccv-table1", "ParCNetV2-B", {"channels": "(96, 192, 384, 576)", "blocks": "(3, 9, 24, 3)"}),
    ("iccv-table2", "ParC-Net-S", {"params": "5.0", "macs": "3.5", "top1": "78.6"}),
    ("iccv-table2", "RevCol-B", {"params": "138", "macs": "16.6", "top1": "84.1"}),
    ("iccv-table2", "ParCNetV2-S", {"params": "39", "macs": "7.8", "top1": "84.3"}),
    ("iccv-table3", "T2T-ViT-14", {"mixing": "Attn", "params": "21.5", "macs": "4.8", "top1": "81.5"}),
    ("iccv-table3", "CoAtNet-2", {"mixing": "Attn + Conv", "params": "75", "macs": "15.7", "top1": "84.1"}),
    ("iccv-table5", "ParCNetV2-T", {"params": "55", "macs": "932", "miou": "49.4"}),
    ("iccv-table7", "ConvNeXt-B", {"latency": "2708", "memory": "364"}),
    ("supp-table2", "Vertical 1D-DWConv-Horizontal 1D", {"top1": "77.4"}),
    ("supp-table3", "Add", {"top1": "68.4"}),
    ("supp-table4", "ParCNetV2-B", {"mixing": "Attn", "params": "56", "macs": "12.5", "top1": "86.0"}),
    ("supp-table6", "SLaK-B", {"params": "135", "macs": "1172", "miou_ss": "50.2", "miou_ms": "-"}),
    ("arxiv-table1", "ParCNet V1 (baseline)", {"params": "8.6", "top1": "69.8"}),
    ("arxiv-table2", "ResNeXt101-64x4d", {"params": "84", "macs": "32", "top1": "80.9"}),
    ("arxiv-table3", "LeViT-384", {"date": "ICCV 2021", "params": "39.1", "macs": "2.3", "top1": "82.6"}),
    ("arxiv-table4", "ResNeSt101", {"params": "89", "macs": "1074", "miou": "44.2"}),
]
ROWS = {
    "iccv": (4, 24, 21, 6, 7, 5, 9),
    "supp": (3, 5, 2, 3, 12, 13),
    "arxiv": (5, 11, 18, 8),
}


def test_the_three_texts_have_17_tables_and_15_figures():
    expected = {f"{text}-table{n}": rows for text, counts in ROWS.items() for n, rows in enumerate(counts, 1)}
    assert {name: len(table.rows) for name, table in tables().items()} == expected
    assert len(tables()) == 17
    assert len(figures()) == 15


@pytest.mark.parametrize(("table", "model", "printed"), SPOTS)
def test_digits_are_those_of_the_texts(table, model, printed):
    row = next(row for row in tables()[table].rows if row.model == model)
    assert {column: row.printed[column] for column in printed} == printed


def test_tab4_repeats_in_the_supplement():
    first, repeated = tables()["iccv-table4"].rows, tables()["supp-table5"].rows
    assert [(row.group, row.model, row.printed) for row in first] == [
        (row.group, row.model, row.printed) for row in repeated[:6]
    ]
    t = next(row for row in repeated if row.model == "ParCNetV2-T" and "Cascade" in row.group)
    assert (t.printed["ap_box"], t.printed["ap_mask"]) == ("52.6", "45.6")


@pytest.mark.parametrize("table", tables().values(), ids=lambda table: table.name)
def test_every_row_has_a_network_or_the_reason_why_not(table):
    for row in table.rows:
        assert (row.subject.network is None) != (row.subject.absent is None), row
        assert set(row.printed) == set(table.columns)
    assert table.task in TASKS


def test_every_shared_name_is_used():
    used = {row.model for table in tables().values() for row in table.rows}
    assert set(subjects()) - used <= {"ConvNeXt-T", "Swin-T"}


@pytest.mark.parametrize("thing", [*tables().values(), *figures().values()], ids=lambda thing: thing.name)
def test_states_are_the_known_ones(thing):
    assert thing.states
    assert set(thing.states) <= set(STATES)


def test_every_contradiction_stands_beneath_what_it_concerns():
    known = {*tables(), *figures()}
    for each in contradictions():
        assert each.touches
        assert set(each.touches) <= known, each.title
        for name in each.touches:
            assert any(each.says in line and each.here in line for line in said_of(name))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("iccv-table6", "0.6% (79.4% v.s. 78.9%)"),
        ("supp-table5", "51.9 box and 45.0 mask AP"),
        ("supp-table4", "swaps the types"),
        ("supp-figure2", "there is no table of times"),
        ("iccv-table2", "batch 2048"),
    ],
)
def test_the_contradictions_a_reader_trips_over(name, words):
    assert words in " ".join(said_of(name))


def test_the_inventory_has_a_command_for_all_but_what_is_not_reproducible():
    rows = inventory().rows
    assert len(rows) == 32
    without = [row for row in rows if row[-1] == "-"]
    assert [row[0] for row in without] == ["ICCV 2023, supplement, Fig. 5"]
    assert "not reproducible" in without[0][3]


def test_items_by_name():
    assert isinstance(item("iccv-table2"), PrintedTable)
    assert isinstance(item("arxiv-figure5"), PrintedFigure)
    assert command_for(item("supp-figure3")) == "parcnet paper supp-figure3 --checkpoint RUN -o supp-figure3.png"
    with pytest.raises(UserError, match=r"unknown table or figure 'iccv-tabel2'\. Did you mean iccv-table2"):
        item("iccv-tabel2")
