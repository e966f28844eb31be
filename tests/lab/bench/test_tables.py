"""Result files, the tables made from them, and the markers that the tables fill."""

import json

import pytest

from parcnet.base import UserError
from parcnet_lab.bench import tables
from parcnet_lab.bench.results import BenchmarkResult, read
from parcnet_lab.bench.views import VIEWS, number, spread, view

MACHINE = {
    "device": "a processor",
    "device_class": "cpu",
    "cores": 2,
    "threads": 2,
    "versions": {"parcnet": "0.1", "torch": "2.15.0"},
    "date": "2026-11-20",
    "dtype": "fp32",
    "ceiling_gflops": 400.0,
}
TIMING = {"median_ms": 12.34, "p25_ms": 11.9, "p75_ms": 13.1, "rounds": 7}
NETWORK = {"tag": "tiny", "batch": 1, "image": 224, "params": 25_000_000, "macs": 4_270_000_000}
OURS = {**NETWORK, "side": "ours", "network": "parcnetv2_tiny"}
PEER = {**NETWORK, "side": "peer", "network": "convnext_tiny"}
CASE = {
    "channels": 64,
    "height": 56,
    "width": 56,
    "batch": 1,
    "training": False,
    "channels_last": True,
    "dtype": "float32",
    "operations": 44_957_696,
    "auto": "conv",
    "times": {"conv": TIMING},
    "refused": {"dense": "too large"},
    "wrong": {"fft": "off"},
}
STAGES = ("read", "decode", "augment", "collate")
SIZE = {"image_bytes": 170_000}
ROWS = {
    "ops": [CASE],
    "tune": [CASE],
    "scaling": [CASE, {**CASE, "height": 112, "width": 112, "times": {"conv": {**TIMING, "median_ms": 98.72}}}],
    "models": [
        {**OURS, "form": "eager", "failure": None, "timing": TIMING},
        {**OURS, "form": "compiled", "failure": "no | compiler", "timing": None},
        {**PEER, "form": "eager", "failure": None, "timing": {**TIMING, "median_ms": 24.68}},
    ],
    "train": [
        {**OURS, "form": "eager", "timing": TIMING},
        {**PEER, "form": "eager", "timing": {**TIMING, "median_ms": 24.68}},
    ],
    "memory": [
        {**OURS, "form": "eager", "weights": 2**20, "peak": 90 * 2**20, "peak_range": [2**20, 2**21]},
        {**PEER, "form": "eager", "weights": 2**20, "peak": 100 * 2**20, "peak_range": [2**20, 2**21]},
    ],
    "profile": [{**OURS, "form": "optimized", "milliseconds": {"1x1": 30.5, "all else": 4.2}, "calls": 320.0}],
    "merge": [
        {
            "tag": "tiny",
            "batch": 1,
            "stage": 4,
            "channels": 512,
            "height": 7,
            "width": 7,
            "wrong": {},
            "times": {"conv": TIMING, "matmul": TIMING, "dense": {**TIMING, "median_ms": 6.17}},
        }
    ],
    "loader": [
        *({"stage": stage, "ms": 2.0, "ms_range": [1.9, 2.1], "image_pixels": 273_280} | SIZE for stage in STAGES),
        {"workers": 2, "images_per_second": 383.0, "start_seconds": 1.0, "images": 480},
        {"network": "parcnetv2_tiny", "batch": 8, "images_per_second": 4.5, "timing": TIMING},
    ],
    "faults": [
        {
            "processes": 1,
            "kills": 3,
            "killed_at": [1, 2, 3],
            "steps": 9,
            "unequal": 0,
            "seconds_alone": 9.0,
            "seconds": 5.0,
        }
    ],
    "deploy": [
        {
            "tag": "tiny",
            "image": 224,
            "batch": 1,
            "threads": 2,
            "dtype": "fp32",
            "side": side,
            "network": network,
            "form": form,
            "format": "onnx",
            "params": 25e6,
            "macs": 4.3e9,
            "bytes": 99_000_000,
            "peak": 150_000_000,
            "timing": TIMING,
        }
        for side, network, form in (
            ("ours", "parcnetv2_tiny", ""),
            ("ours", "parcnetv2_tiny", "plain"),
            ("peer", "convnext_tiny", ""),
        )
    ],
    "seeds": [{"seed": 0, "val_top1": 0.99, "test_top1": 0.98, "seconds": 50.0}],
    "coins": [
        {"fold": fold, "learned": 18, "tested": 6, "box_ap": 0.8, "mask_ap": 0.9, "box_ap50": 1.0, "mask_ap50": 1.0}
        | {"seconds": 200.0}
        for fold in (0, 1)
    ],
    "segmentation": [
        {"kernel_fit": fit, "seed": seed, "single": 0.84, "multi": 0.9, "macc": 0.93, "aacc": 0.94, "seconds": 200.0}
        | {"iou": {"coin": 0.9, "horse": None}}
        for fit in ("interpolate", "fixed")
        for seed in (0, 1)
    ],
}


WITH_RECIPE = ("seeds", "loader", "faults", "coins", "segmentation")


def result(kind, **machine):
    command = f"parcnet bench {kind}"
    settings = {"recipe": "digits"} if kind in WITH_RECIPE else {"image": 224}
    return BenchmarkResult(kind, command, {**MACHINE, **machine}, settings, ROWS[kind], ["a note"])


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    for kind in ROWS:
        result(kind).write(folder)
    return folder


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "docs" / "speed.md"
    path.parent.mkdir()
    path.write_text(
        "# Speed\n<!-- bench:models-cpu/ratios -->\n<!-- /bench -->\n"
        "text\n<!-- bench:ops-cpu -->\nold\n<!-- /bench -->\n"
    )
    return path


def test_a_result_is_read_as_it_was_written(tmp_path):
    written = result("models").write(tmp_path / "mine.json")
    assert read(written) == result("models")


@pytest.mark.parametrize(
    ("machine", "settings", "name"),
    [
        ({}, {}, "ops-cpu.json"),
        ({"dtype": "bf16"}, {}, "ops-cpu-bf16.json"),
        ({"device_class": "nvidia-h200"}, {"training": True}, "ops-nvidia-h200-training.json"),
    ],
)
def test_a_folder_gives_the_usual_name(machine, settings, name, tmp_path):
    one = BenchmarkResult("ops", "parcnet bench ops", {**MACHINE, **machine}, settings, [CASE])
    assert one.write(tmp_path) == tmp_path / name


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"kind": "ops"}'])
def test_what_is_no_result_is_named(text, tmp_path):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UserError, match=r"x\.json is not"):
        read(tmp_path / "x.json")


def test_a_result_of_another_format_is_to_be_measured_again(tmp_path):
    path = result("ops").write(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    with pytest.raises(UserError, match="Measure again with `parcnet bench ops`"):
        read(path)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in VIEWS for name in VIEWS[kind]])
def test_every_view_is_a_table_with_its_origin_below(kind, name):
    text = tables.markdown(result(kind), name)
    lines = text.splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) >= 3
    assert len({line.replace("\\|", "").count("|") for line in rows}) == 1
    for word in (f"parcnet bench {kind}", "a processor", "torch 2.15.0", "2026-11-20", "400 GFLOP/s", "A note"):
        assert word in lines[-1]


def test_views_show_the_spread_the_ratios_and_who_was_left_out():
    ops = " ".join(view(result("ops")).rows[0])
    assert "12.3 (11.9-13.1)" in ops
    assert "wrong" in ops
    assert "refuses" in ops
    assert "0.50" in view(result("models"), "ratios").rows[0]
    assert "no | compiler" in view(result("models")).rows[1]
    assert "0.50" in view(result("train")).rows[1]
    assert view(result("memory")).rows[1][-2:] == ("0.900", "0.915")
    assert view(result("scaling")).rows[0][-2:] == ("3.00", "3.00 (n^3)")


def test_an_unknown_view_is_named():
    with pytest.raises(UserError, match="ratio"):
        view(result("models"), "ratio")


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.1234, "0.123"), (1.234, "1.23"), (12.34, "12.3"), (1234.5, "1234"), (123.4, "123")]
)
def test_numbers_have_three_digits_and_no_powers(value, text):
    assert number(value) == text


def test_a_single_call_is_marked():
    assert spread({**TIMING, "rounds": 1}) == "~12.3"


def test_markers_are_filled_checked_and_left_alone_the_second_time(page, results):
    assert list(tables.stale([page.parent], results)) == [page]
    assert tables.write([page.parent], results) == [page]
    text = page.read_text()
    assert "| 0.50" in text
    assert "\nold\n" not in text
    assert text.startswith("# Speed\n<!-- bench:models-cpu/ratios -->\n| ours")
    assert "\ntext\n<!-- bench:ops-cpu -->\n| B x C" in text
    assert text.endswith("<!-- /bench -->\n")
    assert tables.stale([page], results) == {}
    assert tables.write([page], results) == []


def test_a_number_typed_by_hand_is_found(page, results):
    tables.write([page], results)
    page.write_text(page.read_text().replace("0.50", "0.40"))
    assert list(tables.stale([page], results)) == [page]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<!-- bench:models-cpuu -->\n<!-- /bench -->\n", ["models-cpuu", "Did you mean models-cpu", "speed.md"]),
        ("<!-- bench:models-cpu/nothing -->\n<!-- /bench -->\n", ["nothing", "latency"]),
        ("<!-- bench:models-cpu -->\n", ["speed.md", "<!-- /bench -->"]),
        ("<!-- /bench -->\n", ["speed.md", "<!-- bench:NAME -->"]),
        ("<!-- bench:models-cpu --><!-- /bench -->\n", ["speed.md", "its own line"]),
        ("<!-- bench:models-cpu -->\n<!-- bench:ops-cpu -->\n<!-- /bench -->\n", ["speed.md"]),
    ],
    ids=["unknown result", "unknown view", "no end", "no beginning", "one line", "nested"],
)
def test_a_broken_marker_is_named_and_nothing_is_written(text, words, page, results):
    page.write_text(text)
    with pytest.raises(UserError) as raised:
        tables.write([page], results)
    for word in words:
        assert word in str(raised.value)
    assert page.read_text() == text


def test_a_missing_document_is_named(results):
    with pytest.raises(UserError, match=r"there is no nowhere\.md"):
        tables.stale(["nowhere.md"], results)
