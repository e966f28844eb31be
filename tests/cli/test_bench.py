"""`parcnet bench`: a minimal run of each measurement, and user errors."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from parcnet_cli.bench.command import SUBCOMMANDS
from parcnet_cli.bench.measurement import without_paths
from parcnet_lab.bench.machine import device_slug
from parcnet_lab.bench.results import read

SMALLEST = ("--device", "cpu", "--threads", 1, "--seconds", 0)
NETWORKS = ("--tag", "digits", "--peers", "test_convnext", "--size", 32)

OPS = f"ops-{device_slug(torch.device('cpu'))}"
"""Default name of the result file on this device."""


@pytest.fixture(autouse=True)
def _one_ceiling(monkeypatch):
    """The measured ceiling takes a second a time, and has its own test."""
    from parcnet_lab.bench import machine

    monkeypatch.setattr(machine, "gemm_gflops", lambda *_: {"linear": 100.0})
    monkeypatch.setattr(machine, "copy_gbytes", lambda *_: 10.0)


def test_ops(parcnet, tmp_path):
    result = parcnet(
        *("bench", "ops", *SMALLEST, "--size", 4, "3x5", "--channels", 2, "--batch", 1, "--output", tmp_path)
    )
    assert result.code == 0
    for word in ("1x2x4x4", "1x2x3x5", "conv", "matmul", "auto", "all", f"kept in {tmp_path}"):
        assert word in result.out
    kept = read(tmp_path / f"{OPS}.json")
    assert [(row["height"], row["width"]) for row in kept.rows] == [(3, 5), (4, 4)]
    assert kept.command == "parcnet bench ops --device cpu --threads 1 --seconds 0 --size 4 3x5 --channels 2 --batch 1"
    assert kept.machine["threads"] == 1
    assert kept.machine["ceiling_gflops"] == 100.0


def test_ops_names_cases_that_are_too_large(parcnet):
    result = parcnet("bench", "ops", *SMALLEST, "--size", 2, 4096, "--channels", 512, "--batch", 1, "--json")
    assert result.code == 0
    assert result.json()["notes"] == ["left out, above 4 GiB: 1x512x4096x4096"]
    assert [row["height"] for row in result.json()["rows"]] == [2]


def test_ops_names_a_wrong_algorithm_and_exits_1(parcnet, monkeypatch):
    from parcnet.ops.oversized import Algorithm
    from parcnet.ops.oversized.problem import never
    from parcnet_lab.bench import ops

    broken = {**ops.competitors(), "broken": Algorithm("broken", lambda x, *_: x, never)}
    monkeypatch.setattr(ops, "competitors", lambda: broken)
    result = parcnet("bench", "ops", *SMALLEST, "--size", 4, "--channels", 2, "--batch", 1)
    assert result.code == 1
    assert "broken is not timed on 1x2x4x4: the output is off" in result.err
    assert "wrong" in result.out


def test_models(parcnet):
    result = parcnet("bench", "models", *SMALLEST, *NETWORKS, "--batch", 1, "--forms", "eager", "plain", "--json")
    assert result.code == 0, result.err
    rows = result.json()["rows"]
    assert [(row["side"], row["form"]) for row in rows] == [("ours", "eager"), ("ours", "plain"), ("peer", "eager")]
    assert all(row["timing"]["rounds"] >= 5 for row in rows)


def test_models_as_tables(parcnet):
    result = parcnet("bench", "models", *SMALLEST, *NETWORKS, "--batch", 2, "--forms", "eager")
    for word in ("Latency ratio", "parcnetv2_digits (eager)", "test_convnext (eager)", "--output benchmarks/results"):
        assert word in result.out


def test_train(parcnet):
    result = parcnet("bench", "train", *SMALLEST, *NETWORKS, "--batch", 2, "--json")
    assert result.code == 0, result.err
    assert [row["network"] for row in result.json()["rows"]] == ["parcnetv2_digits", "test_convnext"]


def test_memory(parcnet):
    options = ("--device", "cpu", "--threads", 1, "--batch", 1, "--repeats", 1, "--peers")
    result = parcnet("bench", "memory", "--tag", "digits", "--size", 32, *options, "--json")
    assert result.code == 0, result.err
    (row,) = result.json()["rows"]
    assert row["weights"] < row["peak"] < row["weights"] + 300 * 2**20


def test_profile(parcnet):
    result = parcnet("bench", "profile", *SMALLEST[:-2], *NETWORKS, "--passes", 2, "--json")
    assert result.code == 0, result.err
    ours, peer = result.json()["rows"]
    assert (ours["form"], peer["form"]) == ("optimized", "eager")
    for row in (ours, peer):
        assert min(row["milliseconds"][kind] for kind in ("1x1", "depthwise", "stem and downsampling")) > 0


def test_merge(parcnet):
    result = parcnet("bench", "merge", *SMALLEST, "--tag", "xt", "--batch", 1, "--size", 64, "--json")
    assert result.code == 0, result.err
    rows = result.json()["rows"]
    assert [(row["stage"], row["height"]) for row in rows] == [(1, 16), (2, 8), (3, 4), (4, 2)]
    assert all(row["times"].keys() == {"conv", "matmul", "dense"} and not row["wrong"] for row in rows)
    assert "Did you mean" in parcnet("bench", "merge", "--tag", "smal").err


def test_scaling(parcnet, tmp_path):
    options = ("--size", 2, 4, 8, "--channels", 2, "--plot", tmp_path / "curve.png", "--output", tmp_path / "mine.json")
    result = parcnet("bench", "scaling", *SMALLEST, *options)
    assert result.code == 0, result.err
    assert "3.00 (n^3)" in result.out
    assert str(tmp_path) not in (tmp_path / "mine.json").read_text()
    with Image.open(tmp_path / "curve.png") as image:
        assert image.width > 500


def test_tune_writes_the_table_that_auto_reads(parcnet, tmp_path, monkeypatch):
    from parcnet.ops.oversized import tuning
    from parcnet_lab.bench import grid

    monkeypatch.setattr(grid, "QUICK", grid.Grid((2,), ((3, 3),), (1,)))
    table = tmp_path / "tuned.json"
    result = parcnet("bench", "tune", *SMALLEST, "--quick", "--table", table, "--json")
    assert result.code == 0, result.err
    rows = tuning.read_table(table)
    assert {(row.training, row.channels_last) for row in rows} == {(a, b) for a in (True, False) for b in (True, False)}
    assert all(row.times_ms.keys() >= {"conv", "matmul"} for row in rows)
    again = parcnet("bench", "tune", *SMALLEST, "--quick", "--table", table, "--mode", "inference", "--layout", "nchw")
    assert f"the table is in {table}" in again.out
    kept = tuning.read_table(table)
    assert len(kept) == len(rows)  # what was not measured again stays
    assert [row for row in kept if row.training] == [row for row in rows if row.training]
    assert tuning.measured(rows[0].device, table)["command"].count("parcnet bench tune") == 2


def test_an_interrupted_tuning_keeps_its_rows(parcnet, tmp_path, monkeypatch):
    from parcnet.ops.oversized import tuning
    from parcnet_lab.bench import grid, ops

    def stopped(*arguments):
        yield from itertools.islice(measured(*arguments), 2)
        raise KeyboardInterrupt

    measured = ops.measure
    monkeypatch.setattr(grid, "QUICK", grid.Grid((2,), ((3, 3),), (1, 2, 3)))
    monkeypatch.setattr(ops, "measure", stopped)
    result = parcnet("bench", "tune", *SMALLEST, "--quick", "--table", tmp_path / "tuned.json", "--mode", "inference")
    assert result.code == 130
    assert len(tuning.read_table(tmp_path / "tuned.json")) == 2


def test_tables_check_and_write(parcnet, tmp_path):
    parcnet(*("bench", "ops", *SMALLEST, "--size", 4, "--channels", 2, "--batch", 1, "--output", tmp_path / "results"))
    page = tmp_path / "README.md"
    page.write_text(f"<!-- bench:{OPS} -->\n<!-- /bench -->\n")
    where = (page, "--results", tmp_path / "results")
    stale = parcnet("bench", "tables", "--check", *where)
    assert (stale.code, stale.err.startswith("warning:")) == (1, True)
    assert f"parcnet bench tables --write {page}" in stale.out
    assert parcnet("bench", "tables", "--write", *where).code == 0
    assert parcnet("bench", "tables", "--check", *where).code == 0
    assert "1x2x4x4" in page.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["opps"], ["'opps'", "ops", "--help"]),
        (["ops", "--size", "big"], ["'big'", "200x334"]),
        (["ops", "--batch", "0"], ["--batch is 0"]),
        (["ops", "--threads", "0"], ["--threads is 0"]),
        (["ops", "--dtype", "fp8"], ["fp8"]),
        (["ops", "--device", "abacus"], ["abacus"]),
        (["models", "--tag", "tinny"], ["unknown tag 'tinny'", "tiny"]),
        (["models", "--peers", "convnexxt"], ["unknown peer 'convnexxt'"]),
        (["models", "--forms", "eagr"], ["unknown form 'eagr'", "eager"]),
        (["train", "--tag", "xt"], ["convnext_xt", "--peers"]),
        (["train", "--dtype", "fp16"], ["loss scaler", "bf16"]),
        (["memory", "--repeats", "0"], ["--repeats is 0"]),
        (["memory", "--tag", "huge"], ["unknown tag 'huge'"]),
        (["scaling", "--size", "0"], ["--size is 0; expected at least 1"]),
        (["tables", "README.md"], ["--check or --write"]),
        (["tables", "--check"], ["no file given"]),
        (["tables", "--check", "nowhere.md"], ["nowhere.md"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_user_errors_are_printed_without_a_traceback(arguments, words, parcnet):
    result = parcnet("bench", *arguments)
    assert result.code == 2
    assert "Traceback" not in result.err
    for word in words:
        assert word in result.err


@pytest.mark.parametrize("what", SUBCOMMANDS)
def test_every_measurement_is_in_the_overview_and_its_help_shows_examples(what, parcnet):
    assert f"parcnet bench {what}" in parcnet("bench").out
    result = parcnet("bench", what, "--help")
    assert result.code == 0
    assert f"  parcnet bench {what}" in result.out


@pytest.mark.parametrize("arguments", [["bench"], ["bench", "--help"], ["bench", "models", "--help"]])
def test_help_needs_neither_torch_nor_timm(arguments):
    code = "import sys; from parcnet_cli.main import main; main(sys.argv[1:]); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "parcnet bench" in done.stdout


def test_a_kept_command_has_no_paths():
    arguments = ["--size", "7", "--output", "/home/me/x", "--plot=/home/me/y.png", "--full"]
    assert without_paths(arguments) == ["--size", "7", "--full"]


def test_the_file_of_a_result_is_valid_json_with_the_machine(parcnet, tmp_path):
    parcnet(*("bench", "ops", *SMALLEST, "--size", 2, "--channels", 2, "--batch", 1, "--output", tmp_path))
    kept = json.loads((tmp_path / f"{OPS}.json").read_text())
    assert {"torch", "timm", "parcnet", "python"} <= set(kept["machine"]["versions"])
    assert str(Path.home()) not in json.dumps(kept)
