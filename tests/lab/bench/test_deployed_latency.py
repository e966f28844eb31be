from itertools import product

import pytest

from parcnet_lab.bench import deployed_latency
from parcnet_lab.bench.deployed_latency import GOALS, PAPER, PLAIN
from parcnet_lab.bench.results import BenchmarkResult
from parcnet_lab.bench.views import VIEWS, view
from parcnet_lab.paper.printed import tables

MILLISECONDS = {
    ("parcnetv2_tiny", "", "onnx"): 60.0,
    ("parcnetv2_tiny", "", "openvino"): 45.0,
    ("parcnetv2_tiny", PLAIN, "onnx"): 90.0,
    ("parcnetv2_tiny", PLAIN, "openvino"): 99.0,
    ("convnext_tiny", "", "onnx"): 50.0,
    ("convnext_tiny", "", "openvino"): 55.0,
}


def _rows(batch: int = 1) -> list[dict]:
    return [
        {
            "tag": "tiny", "image": 224, "batch": batch, "threads": 2, "dtype": "fp32", "algorithm": "conv",
            "side": "ours" if network.startswith("parcnet") else "peer", "network": network, "form": form,
            "format": kind, "params": 25_000_000, "macs": 4_300_000_000, "bytes": 100_000_000,
            "peak": 2**20 * (150 if network.startswith("parcnet") else 200),
            "timing": {"median_ms": batch * ms, "p25_ms": batch * ms - 1, "p75_ms": batch * ms + 1, "rounds": 15},
        }
        for (network, form, kind), ms in MILLISECONDS.items()
    ]  # fmt: skip


def test_the_best_runtime_of_ours_stands_against_the_peer_s_own_best() -> None:
    (found,) = deployed_latency.ratios(_rows())
    assert (found["ours"]["format"], found["peer"]["format"]) == ("openvino", "onnx")
    assert found["ratio"] == pytest.approx(45 / 50)
    assert found["plain"] == pytest.approx(90 / 45)
    assert found["memory_ratio"] == pytest.approx(0.75)
    assert found["goal"] == GOALS["tiny"]


def test_goals_are_for_single_images_alone() -> None:
    assert [each["goal"] for each in deployed_latency.ratios(_rows() + _rows(batch=8))] == [0.92, None]


def test_the_paper_s_figures_are_those_of_table_7() -> None:
    table = tables()["iccv-table7"]
    letters = {"tiny": "T", "small": "S", "base": "B"}
    names = {"swin": "Swin", "convnext": "ConvNeXt", "parcnetv2": "ParCNetV2"}
    printed = {row.model: (int(row.printed["latency"]), int(row.printed["memory"])) for row in table.rows}
    for (family, name), (tag, letter) in product(names.items(), letters.items()):
        assert PAPER[f"{family}_{tag}"] == printed[f"{name}-{letter}"]


def test_the_tables_show_the_paper_beside_ours() -> None:
    machine = {"device": "some CPU", "threads": 2, "dtype": "fp32"}
    result = BenchmarkResult("deploy", "parcnet bench deploy", machine, {"image": 224}, _rows())
    edge = view(result, "edge")
    assert [row[0] for row in edge.rows] == ["parcnetv2_tiny", "parcnetv2_tiny (plain export)", "convnext_tiny"]
    assert edge.rows[0][-2:] == ("840", "118")
    ratio = view(result, "ratios").rows[0]
    assert ratio[5:9] == ("0.90", "0.92", "0.75", "0.96 / 0.91")
    assert all(
        len(row) == len(view(result, name).columns) for name in VIEWS["deploy"] for row in view(result, name).rows
    )
