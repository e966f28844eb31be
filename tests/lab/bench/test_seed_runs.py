"""`parcnet bench seeds`: the luck in a recipe."""

import pytest

from parcnet.recipes import Network, Recipe
from parcnet.tasks.lookup import task_named
from parcnet_lab.bench.results import BenchmarkResult
from parcnet_lab.bench.seed_runs import PEERS, peer
from parcnet_lab.bench.views import view

MACHINE = {"device": "a CPU", "device_class": "cpu", "threads": 2, "dtype": "fp32"}


def test_the_table_shows_each_run_and_mean_and_spread() -> None:
    rows = [
        {"seed": 0, "val_top1": 0.99, "test_top1": 0.98, "seconds": 50.0},
        {"seed": 1, "val_top1": 1.0, "test_top1": 1.0, "seconds": 70.0},
    ]
    result = BenchmarkResult("seeds", "parcnet bench seeds", MACHINE, {"recipe": "digits"}, rows)
    assert result.stem == "seeds-cpu-digits"
    assert list(view(result).rows) == [
        ("0", "99.00%", "98.00%", "50"),
        ("1", "100.00%", "100.00%", "70"),
        ("mean", "", "99.00% (sd 1.41%)", "60"),
    ]


def test_a_recipe_without_a_test_split_shows_a_dash() -> None:
    rows = [{"seed": 0, "val_top1": 0.9, "test_top1": None, "seconds": 3.0}]
    assert list(view(BenchmarkResult("seeds", "", MACHINE, {"recipe": "mine.yaml"}, rows)).rows) == [
        ("0", "90.00%", "-", "3")
    ]


def test_several_networks_stand_below_each_other_each_with_its_mean() -> None:
    rows = [
        {"network": name, "parameters": 430_058, "seed": seed, "val_top1": 0.9, "test_top1": top, "seconds": 10.0}
        for seed in (0, 1)
        for name, top in (("ours", 0.99), ("theirs", 0.97 + seed / 100))
    ]
    shown = view(BenchmarkResult("seeds", "", MACHINE, {"recipe": "digits"}, rows))
    assert [row[0] for row in shown.rows] == [
        *["ours (0.430M)"] * 2,
        *["theirs (0.430M)"] * 2,
        "ours (0.430M)",
        "theirs (0.430M)",
    ]
    assert [row[3] for row in shown.rows[-2:]] == ["99.00% (sd 0.00%)", "97.50% (sd 0.71%)"]


@pytest.mark.parametrize("name", PEERS)
def test_the_peers_have_as_many_parameters_as_ours(name) -> None:
    arguments = peer(name).arguments
    model, text = arguments[1], arguments[3]
    recipe = Recipe(network=Network(model=model, model_args=text, img_size=32))
    classes, build = tuple("0123456789"), task_named("classification").build
    counted = sum(each.numel() for each in build(recipe, classes).network.parameters())
    ours = sum(each.numel() for each in build(Recipe(), classes).network.parameters())
    assert counted == pytest.approx(ours, rel=0.004)
