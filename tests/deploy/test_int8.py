"""Static int8 by the runtimes' own tools, and what it costs."""

import pytest

from parcnet.base import UserError
from parcnet.deploy import export, open_exported
from parcnet_cli.main import main

pytestmark = pytest.mark.slow  # each file is quantised once for every part of the network


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


def test_int8_is_smaller_and_near(quantised) -> None:
    assert quantised.bytes < 0.6 * 4 * 430_000  # of the network's 0.43M weights in fp32
    assert 0 < quantised.parity.mean < 0.2


def test_the_accuracy_lost_on_the_test_digits_is_counted(quantised) -> None:
    lost = quantised.accuracy
    assert lost.images == 360
    assert abs(lost.network - lost.file) < 0.05
    assert f"{lost.network:.2%} -> {lost.file:.2%}" in str(lost)


def test_the_parts_that_the_error_comes_from_are_named_the_worst_first(quantised) -> None:
    names = [name for name, _ in quantised.responsible]
    shares = [share for _, share in quantised.responsible]
    assert set(names) == {"stem", "stages.0", "stages.1", "stages.2", "stages.3", "head"}
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.05  # some part stands out: left in fp32 it takes error away


def test_weights_of_mnn_in_int8(trained, tmp_path) -> None:
    small = export(trained, tmp_path / "net.mnn", format="mnn", dtype="int8", algorithm="conv")
    assert small.bytes < 0.6 * 4 * 430_000
    assert small.accuracy.images == 360
    assert small.responsible == ()


def test_too_few_images_for_the_batch_are_said(saved, tmp_path) -> None:
    with pytest.raises(UserError, match="cannot calibrate a file of batch 100"):
        export(saved, tmp_path / "net.onnx", dtype="int8", batch=100, algorithm="conv")
    assert list(tmp_path.iterdir()) == []


def test_the_card_survives_quantisation(quantised) -> None:
    assert open_exported(quantised.path).card.metadata.classes[:2] == ("0", "1")
