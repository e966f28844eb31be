"""Static int8 by the runtimes' own tools, and what it costs."""

import itertools

import pytest

from parcnet.base import UserError
from parcnet.deploy import export, open_exported
from parcnet.deploy.quantization_report import MOST, divided, joined, stage_of
from parcnet_cli.main import main

quantising = pytest.mark.slow  # each file is quantised once for every part of the network


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A digits network that knows something: of an untrained one int8 changes every answer."""
    run = tmp_path_factory.mktemp("runs") / "digits"
    assert main(["train", "--epochs", "3", "--warmup-epochs", "0.5", "--device", "cpu", "--output", str(run)]) == 0
    return run


@pytest.fixture(scope="module", params=["onnx", "openvino"])
def quantised(request, trained, tmp_path_factory):
    if request.param == "openvino":
        pytest.importorskip("nncf")
    path = tmp_path_factory.mktemp("int8") / f"net{'.onnx' if request.param == 'onnx' else '.xml'}"
    return export(trained, path, dtype="int8", algorithm="conv", format=request.param)


@quantising
def test_int8_is_smaller_and_accurate(quantised) -> None:
    weights = quantised.path.with_suffix(".bin") if quantised.path.suffix == ".xml" else quantised.path
    assert weights.stat().st_size < 0.6 * 4 * 430_000  # of the network's 0.43M weights in fp32
    assert 0 < quantised.parity.mean < 0.2


@quantising
def test_the_accuracy_drop_on_the_test_digits_is_measured(quantised) -> None:
    lost = quantised.accuracy
    assert lost.images == 360
    assert abs(lost.network - lost.file) < 0.05
    assert f"{lost.network:.2%} -> {lost.file:.2%}" in str(lost)


@quantising
def test_the_parts_that_the_error_comes_from_are_named_the_worst_first(quantised) -> None:
    stages, layers = quantised.responsible.stages, quantised.responsible.layers
    assert {name for name, _ in stages} == {"stem", "stages.0", "stages.1", "stages.2", "stages.3", "head"}
    for each in (stages, layers):
        shares = [share for _, share in each]
        assert shares == sorted(shares, reverse=True)
        assert shares[0] > 0  # left in fp32 it takes error away
    assert 1 < len(layers) <= MOST
    divided_stage = next(name for name, _ in stages if name not in ("stem", "head"))
    assert all(name.startswith(divided_stage) for name, _ in layers)


@quantising
def test_weights_of_mnn_in_int8(trained, tmp_path) -> None:
    small = export(trained, tmp_path / "net.mnn", format="mnn", dtype="int8", algorithm="conv")
    assert small.bytes < 0.6 * 4 * 430_000
    assert small.accuracy.images == 360
    assert small.responsible is None


@quantising
def test_too_few_images_for_the_batch_are_an_error(saved, tmp_path) -> None:
    with pytest.raises(UserError, match="cannot calibrate a file of batch 100"):
        export(saved, tmp_path / "net.onnx", dtype="int8", batch=100, algorithm="conv")
    assert list(tmp_path.iterdir()) == []


def test_a_backbone_s_layers_belong_to_its_stages_and_heads_are_parts() -> None:
    layers = {
        "backbone.net.stem.conv": ["a"],
        "backbone.net.stages_0.blocks.0.0.gate": ["b"],
        "backbone.net.stages_0.blocks.1.0.gate": ["c"],
        "decoder.fpn.0": ["d"],
    }
    stages = joined(layers, stage_of)
    assert stages == {"backbone.net.stem": ["a"], "backbone.net.stages_0": ["b", "c"], "decoder": ["d"]}


def test_many_layers_are_joined_with_their_neighbours() -> None:
    layers = {f"stages.2.blocks.{block}.0.{layer}": [f"{block}{layer}"] for block in range(12) for layer in "ab"}
    found = divided(layers)
    assert next(iter(found)) == "stages.2.blocks.0 to stages.2.blocks.1"
    assert len(found) == MOST
    assert list(itertools.chain(*found.values())) == list(itertools.chain(*layers.values()))
    assert divided({"head.fc": ["x"]}) == {}


@quantising
def test_the_metadata_survive_quantisation(quantised) -> None:
    assert open_exported(quantised.path).info.metadata.classes[:2] == ("0", "1")
