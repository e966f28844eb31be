"""`parcnet bench seeds`: the luck in a recipe."""

from parcnet.bench.results import Result
from parcnet.bench.views import view

MACHINE = {"device": "a CPU", "device_class": "cpu", "threads": 2, "dtype": "fp32"}


def test_the_table_shows_each_run_and_mean_and_spread() -> None:
    rows = [
        {"seed": 0, "val_top1": 0.99, "test_top1": 0.98, "seconds": 50.0},
        {"seed": 1, "val_top1": 1.0, "test_top1": 1.0, "seconds": 70.0},
    ]
    result = Result("seeds", "parcnet bench seeds", MACHINE, {"recipe": "digits"}, rows)
    assert result.stem == "seeds-cpu-digits"
    assert list(view(result).rows) == [
        ("0", "99.00%", "98.00%", "50"),
        ("1", "100.00%", "100.00%", "70"),
        ("mean", "", "99.00% (sd 1.41%)", "60"),
    ]


def test_a_recipe_without_a_test_split_shows_a_dash() -> None:
    rows = [{"seed": 0, "val_top1": 0.9, "test_top1": None, "seconds": 3.0}]
    assert list(view(Result("seeds", "", MACHINE, {"recipe": "mine.yaml"}, rows)).rows) == [("0", "90.00%", "-", "3")]
