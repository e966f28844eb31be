import importlib.metadata
import json
import shutil
import stat
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import timm
import torch
from torch import nn

from parcnet.base import UserError
from parcnet.data import Preprocessing, open_dataset
from parcnet.deploy import SUFFIXES, export, open_exported
from parcnet.tasks.loading import load, load_checkpoint

FORMATS = tuple(SUFFIXES)


@pytest.fixture
def digits():
    """Seven real digits as the 48 x 32 px network takes them."""
    images = open_dataset(None, "val")
    transform = Preprocessing((48, 32), (0.3, 0.4, 0.5), (0.2, 0.3, 0.4), crop_pct=1.0).transform()
    return torch.stack([transform(images.image(index)) for index in range(7)])


@pytest.mark.parametrize("kind", FORMATS)
def test_the_file_predicts_as_the_checkpoint_for_any_number_of_images(kind, made, saved, digits) -> None:
    file = open_exported(made(kind).path)
    with torch.no_grad():
        wanted = load(saved)(digits)
    assert torch.equal(file(digits).argmax(1), wanted.argmax(1))
    torch.testing.assert_close(file(digits), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", FORMATS)
def test_eight_threads_on_one_file_each_get_the_answer_for_their_image(kind, made) -> None:
    file = open_exported(made(kind).path, threads=1)
    images = torch.randn(64, 3, 48, 32, generator=torch.Generator().manual_seed(0)).split(1)
    wanted = [file(image) for image in images]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(file, images))
    for pair in zip(found, wanted, strict=True):
        torch.testing.assert_close(*pair)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_file_holds_classes_preprocessing_and_provenance(kind, made, saved) -> None:
    info = open_exported(made(kind).path).info
    own = load_checkpoint(saved).metadata
    assert info.metadata.classes == own.classes
    assert info.metadata.preprocessing == {**own.preprocessing, "size": [48, 32]}
    assert (info.metadata.model, info.metadata.created) == (own.model, own.created)
    assert info.tools["torch"] == torch.__version__.split("+")[0]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_truncated_file_is_named(kind, made, tmp_path) -> None:
    whole = made(kind).path
    for file in whole.parent.glob(f"{whole.stem}.*"):
        shutil.copy(file, tmp_path)
    path = tmp_path / whole.name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match=path.name):
        open_exported(path)


def test_an_xml_without_its_weights_is_an_error(made, tmp_path) -> None:
    path = shutil.copy(made("openvino").path, tmp_path)
    with pytest.raises(UserError, match=r"small\.bin"):
        open_exported(path)


def test_a_foreign_file_is_rejected(made, tmp_path) -> None:
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(str(made("onnx").path))
    del graph.metadata_props[:]
    onnx.save(graph, str(tmp_path / "foreign.onnx"))
    with pytest.raises(UserError, match="not written by `parcnet export`"):
        open_exported(tmp_path / "foreign.onnx")


def test_an_image_of_another_size_is_rejected(made) -> None:
    with pytest.raises(UserError, match=r"48x32 px, got 32x48"):
        open_exported(made("torch-export").path)(torch.randn(1, 3, 32, 48))


def test_a_file_worse_than_the_tolerance_is_not_kept(saved, tmp_path) -> None:
    with pytest.raises(UserError, match="is not kept: its outputs differ"):
        export(saved, tmp_path / "net.pt2", format="torch-export", algorithm="matmul", tolerance=1e-12)
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_survives_an_export_that_fails(saved, tmp_path) -> None:
    (tmp_path / "net.pt2").write_text("older")
    with pytest.raises(UserError):
        export(saved, tmp_path / "net.pt2", format="torch-export", algorithm="matmul", tolerance=1e-12)
    assert (tmp_path / "net.pt2").read_text() == "older"


def test_pixels_are_normalised_inside(saved, tmp_path) -> None:
    path = export(saved, tmp_path / "net.pt2", format="torch-export", algorithm="conv", pixels=True).path
    file = open_exported(path)
    image = open_dataset(None, "val").image(3)
    own = load_checkpoint(saved)
    with torch.no_grad():
        wanted = own.network(Preprocessing.from_dict(own.metadata.preprocessing).transform()(image)[None])
    torch.testing.assert_close(file(file.preprocessing.transform()(image)[None]), wanted, rtol=1e-4, atol=1e-4)


def test_half_precision_inside_an_onnx_file_that_takes_pixels(saved, tmp_path) -> None:
    half = export(saved, tmp_path / "net.onnx", dtype="fp16", pixels=True, algorithm="conv", size=(48, 32))
    assert 1e-6 < half.parity.maximum < 0.05


def test_half_precision_of_another_network_is_compared_with_its_single(tmp_path) -> None:
    torch.manual_seed(0)
    half = export(timm.create_model("test_resnet").eval(), tmp_path / "net.onnx", dtype="fp16", size=64)
    assert 1e-6 < half.parity.maximum < 0.05


def test_any_module_with_tensor_outputs_can_be_exported(tmp_path) -> None:
    network = timm.create_model("resnet10t", features_only=True, out_indices=(1, 2)).eval()
    made = export(network, tmp_path / "maps.pt2", format="torch-export", size=64)
    assert made.info.outputs == ("output_0", "output_1")
    assert made.parity.agreement is None
    shapes = [list(each.shape) for each in open_exported(made.path).outputs(torch.randn(2, 3, 64, 64))]
    assert shapes == [[2, 64, 16, 16], [2, 128, 8, 8]]


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"format": "onix"}, "Did you mean onnx"),
        ({"format": "torch-export", "dtype": "int8"}, "expected fp32"),
        ({"size": 16}, "at least 32 px"),
        ({"batch": 0}, "batch is 0"),
        ({"algorithm": "fft"}, "expected auto or one of conv"),
        ({"norm": "batch"}, "expected one of layer_norm"),
    ],
)
def test_an_invalid_request_is_an_error(wish, message, saved, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        export(saved, **wish)


def test_a_name_of_another_format_is_an_error(saved, tmp_path) -> None:
    with pytest.raises(UserError, match=r"ends in \.onnx; openvino files end in \.xml"):
        export(saved, tmp_path / "net.onnx", format="openvino")


def test_a_read_only_folder_is_reported_before_the_work(saved, tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot write"):
        export(saved, tmp_path / "file" / "net.onnx")
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        (folder / "probe").touch()
    except OSError:
        with pytest.raises(UserError, match="Choose a folder you may write to"):
            export(saved, folder / "net.onnx")
    else:
        pytest.skip("this user may write into every folder: rights were not checked")


@pytest.mark.parametrize(
    ("kind", "package", "extra"),
    [("onnx", "onnxruntime", "onnx"), ("openvino", "openvino", "openvino"), ("mnn", "MNN", "mnn")],
)
def test_a_missing_extra_is_named(kind, package, extra, made, monkeypatch) -> None:
    path = made(kind).path
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"pip install 'parcnet\[{extra}\]'"):
        open_exported(path)


@pytest.mark.parametrize(
    ("kind", "package", "extra"),
    [("onnx", "onnxruntime", "onnx"), ("openvino", "openvino", "openvino"), ("mnn", "MNN", "mnn")],
)
def test_a_missing_extra_is_named_before_an_export(kind, package, extra, saved, tmp_path, monkeypatch) -> None:
    version = importlib.metadata.version

    def without(name: str) -> str:
        if name == package:
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", without)
    with pytest.raises(UserError, match=rf"need {package}, which is not installed: pip install 'parcnet\[{extra}\]'"):
        export(saved, tmp_path / f"net{SUFFIXES[kind]}", format=kind)
    assert list(tmp_path.iterdir()) == []


def test_the_metadata_are_one_json_text_in_the_onnx_file(made) -> None:
    onnx = pytest.importorskip("onnx")
    entries = {entry.key: entry.value for entry in onnx.load(str(made("onnx").path)).metadata_props}
    assert json.loads(entries["parcnet"])["metadata"]["classes"][3] == "three"


def test_a_network_keeps_its_mode_and_its_weights(tmp_path) -> None:
    network: nn.Module = timm.create_model("parcnetv2_digits", dims=(8, 8, 8, 8)).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    export(network, tmp_path / "net.pt2", format="torch-export", size=64, algorithm="conv")
    assert network.training
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("threads", [0, -1, 100_000])
def test_an_absurd_number_of_threads_is_refused(threads):
    with pytest.raises(UserError, match=f"threads is {threads}; expected at least 1 and at most 1024 threads"):
        open_exported("net.onnx", threads)
