import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def photograph(tmp_path_factory) -> Path:
    from parcnet.data import open_dataset

    path = tmp_path_factory.mktemp("photograph") / "digit.png"
    open_dataset(None, "test").image(5).save(path)
    return path


def test_export_then_predict_says_what_the_checkpoint_says(parcnet, trained, photograph, tmp_path) -> None:
    made = parcnet("export", trained, "-o", tmp_path / "digits.pt2", "--algorithm", "conv", "--batch", "dynamic")
    assert made.code == 0, made.err
    assert "same class for 100.0% (16 images)" in made.out
    assert f"parcnet predict {tmp_path}/digits.pt2 photo.jpg" in made.out
    wanted = parcnet("predict", trained, photograph, "--json").json()
    found = parcnet("predict", tmp_path / "digits.pt2", photograph, "--json").json()
    assert [each["class"] for each in found[0]["top"]] == [each["class"] for each in wanted[0]["top"]]
    for one, other in zip(found[0]["top"], wanted[0]["top"], strict=True):
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-4)
    drawn = parcnet("predict", tmp_path / "digits.pt2", photograph, "--save", tmp_path / "a.png")
    assert (drawn.code, "predicts classes of whole images" in drawn.err) == (2, True)


@pytest.mark.parametrize(
    ("kind", "suffix", "package"),
    [
        ("onnx", ".onnx", "onnxruntime"),
        pytest.param("openvino", ".xml", "openvino", marks=pytest.mark.slow),
        pytest.param("mnn", ".mnn", "MNN", marks=pytest.mark.slow),
    ],
)
def test_the_checkpoint_its_file_and_the_example_without_parcnet_predict_the_same(
    kind, suffix, package, parcnet, trained, photograph, tmp_path
) -> None:
    pytest.importorskip(package)
    file = tmp_path / f"digits{suffix}"
    assert parcnet("export", trained, "--format", kind, "-o", file, "--algorithm", "conv").code == 0
    wanted = parcnet("predict", file, photograph, "--json").json()[0]["top"]
    own = parcnet("predict", trained, photograph, "--json").json()[0]["top"]
    assert [each["class"] for each in own] == [each["class"] for each in wanted]
    assert own[0]["probability"] == pytest.approx(wanted[0]["probability"], abs=1e-3)
    script = EXAMPLES / f"run_{kind}.py"
    assert "parcnet" not in [line.split()[1] for line in script.read_text().splitlines() if line.startswith("import")]
    assert len(script.read_text().splitlines()) <= 35
    # as on a machine without a network: OpenVINO's telemetry package is not there
    quiet = "import sys, runpy; sys.modules['openvino_telemetry'] = None; del sys.argv[0]; runpy.run_path(sys.argv[0])"
    done = subprocess.run(
        [sys.executable, "-c", quiet, script, file, photograph], capture_output=True, text=True, check=True
    )
    lines = [line.split() for line in done.stdout.splitlines() if "%" in line]
    assert [name for _, name in lines] == [each["class"] for each in wanted]
    assert float(lines[0][0].rstrip("%")) / 100 == pytest.approx(wanted[0]["probability"], abs=0.02)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (("--height", "64"), "--height 64 alone is not a size"),
        (("--batch", "many"), "--batch is 'many'"),
        (("--size", "8"), "at least 32 px"),
        (("-o", "net.xml", "--format", "onnx"), "onnx files end in .onnx"),
        (("--calibration", "nowhere", "--dtype", "int8"), "there is no folder nowhere"),
    ],
)
def test_mistakes_are_said_in_a_sentence(wish, said, parcnet, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = parcnet("export", "parcnetv2_digits", "--algorithm", "conv", *wish)
    assert answer.code == 2
    assert said in answer.err
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_network_is_told_its_nearest_names(parcnet) -> None:
    answer = parcnet("export", "parcnetv2_tinny")
    assert (answer.code, "Did you mean parcnetv2_tiny" in answer.err) == (2, True)


def test_a_file_that_is_not_there_is_said(parcnet, photograph, tmp_path) -> None:
    answer = parcnet("predict", tmp_path / "net.onnx", photograph)
    assert (answer.code, f"there is no file {tmp_path}/net.onnx" in answer.err) == (2, True)


def test_the_measurement_of_exported_files_explains_itself(parcnet) -> None:
    assert "Tab. 7" in parcnet("bench", "deploy", "--help").out


@pytest.mark.slow
def test_exported_files_are_timed_in_their_runtimes(parcnet, tmp_path) -> None:
    pytest.importorskip("onnxruntime")
    answer = parcnet(
        "bench", "deploy", "--tag", "digits", "--peers", "resnet10t", "--formats", "onnx", "--size", "32",
        "--rounds", "2", "--files", tmp_path, "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    rows = json.loads(answer.out)["rows"]
    assert [(row["network"], row["form"]) for row in rows] == [
        ("parcnetv2_digits", ""), ("parcnetv2_digits", "plain"), ("resnet10t", ""),
    ]  # fmt: skip
    assert all(row["timing"]["median_ms"] > 0 and row["peak"] > 0 and row["bytes"] > 1e6 for row in rows)
