"""The authors' recorded outputs, reproduced from their recorded weights, and every wrapping of their checkpoints."""

import argparse
from collections import Counter
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

import parcnet
from parcnet.base import UserError
from parcnet.layers import BiasFreeLayerNorm2d
from parcnet.models import ParCNetV2, load_official_weights
from parcnet.models.official_weights import convert

GOLDEN = Path(__file__).parents[1] / "golden" / "parcnetv2_64px.safetensors"


@pytest.fixture(scope="module")
def golden() -> dict[str, Tensor]:
    with safe_open(GOLDEN, framework="pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - safe_open is no mapping


@pytest.fixture(scope="module")
def official(golden: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix("weights/"): tensor for key, tensor in golden.items() if key.startswith("weights/")}


def network(**changes: object) -> nn.Module:
    shape = {"depths": (1, 1, 2, 1), "dims": (8, 16, 24, 32), "img_size": 64, "num_classes": 10}
    return ParCNetV2(**{**shape, **changes}).eval()


def relative_error(got: Tensor, wanted: Tensor) -> float:
    return ((got - wanted).norm() / wanted.norm()).item()


@pytest.mark.parametrize(("eps", "tolerance"), [(1e-6, 1e-4), (1e-12, 1e-9)])
def test_golden_outputs_of_the_authors_code(
    golden: dict[str, Tensor], official: dict[str, Tensor], eps: float, tolerance: float
) -> None:
    model = network().double()
    load_official_weights(model, official)
    for module in model.modules():
        if isinstance(module, BiasFreeLayerNorm2d):
            module.eps = eps
    with torch.no_grad():
        maps = model.forward_intermediates(golden["input"].double(), intermediates_only=True)
        logits = model(golden["input"].double())
    for i, stage in enumerate(maps):
        assert relative_error(stage, golden[f"stage{i}"]) < tolerance
    assert relative_error(logits, golden["logits"]) < tolerance


@pytest.mark.parametrize(
    "wrap",
    [
        lambda w: w,
        lambda w: {"state_dict": w, "epoch": 3},
        lambda w: {"state_dict": {k: torch.zeros_like(v) for k, v in w.items()}, "state_dict_ema": w},
        lambda w: {"model": w},
        lambda w: {"state_dict": {f"module.{k}": v for k, v in w.items()}},
    ],
    ids=["plain", "state_dict", "ema wins", "model", "module."],
)
def test_every_wrapping_of_the_release_is_understood(wrap, official: dict[str, Tensor]) -> None:
    converted, expected = convert(wrap(official)), convert(official)
    assert converted.keys() == expected.keys()
    assert all(torch.equal(converted[key], expected[key]) for key in expected)


def test_a_pth_tar_with_script_arguments_loads_without_executing_code(
    official: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "model_best.pth.tar"
    torch.save({"state_dict": official, "args": argparse.Namespace(lr=4e-3)}, path)
    model = network()
    parcnet.load_official_weights(model, path)
    assert torch.equal(model.head.fc.weight, official["head.weight"])


class _Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('executed')",)


def test_a_hostile_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.pth"
    torch.save({"state_dict": _Hostile()}, path)
    with pytest.raises(UserError, match=r"evil\.pth cannot be read without executing code"):
        load_official_weights(network(), path)


@pytest.mark.parametrize(
    "beside",
    [
        np.float64(81.5),
        np.float32(0.5),
        np.int64(300),
        np.bool_(True),
        np.arange(3.0),
        Path("output/run"),
        argparse.Namespace(output=Path("x"), lr=np.float64(1e-3)),
        Counter(["a"]),
        datetime(2024, 1, 2, tzinfo=UTC),
    ],
    ids=lambda value: type(value).__name__,
)
def test_harmless_values_beside_the_weights_do_not_matter(beside: object, official: dict, tmp_path: Path) -> None:
    torch.save({"model": official, "best": beside}, tmp_path / "run.pth")
    model = network()
    load_official_weights(model, tmp_path / "run.pth")
    assert torch.equal(model.head.fc.weight, official["head.weight"])


def test_the_counter_of_an_averaged_model_is_no_weight(official: dict[str, Tensor], tmp_path: Path) -> None:
    averaged = {"n_averaged": torch.tensor(7), **{f"module.{name}": value for name, value in official.items()}}
    torch.save({"state_dict_ema": averaged}, tmp_path / "ema.pth")
    model = network()
    load_official_weights(model, tmp_path / "ema.pth")
    assert torch.equal(model.head.fc.weight, official["head.weight"])


@pytest.mark.parametrize(
    ("held", "name"), [(nn.Linear(2, 2), "torch.nn.modules.linear.Linear"), (Fraction(1, 2), "fractions.Fraction")]
)
def test_any_other_class_is_named_with_the_remedy(held: object, name: str, tmp_path: Path) -> None:
    torch.save({"model": held}, tmp_path / "whole.pth")
    with pytest.raises(UserError, match=rf"it holds a {name}\. .*torch.save\(model.state_dict"):
        load_official_weights(network(), tmp_path / "whole.pth")


def test_inner_norms_fold_the_l2_norm_and_the_final_norm_does_not(official: dict[str, Tensor]) -> None:
    converted = convert(official)
    torch.testing.assert_close(
        converted["stages.2.blocks.1.norm2.weight"], official["stages.2.1.norm2.weight"].double() / 24**0.5
    )
    assert torch.equal(converted["head.norm.weight"], official["norm.weight"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_classes": 7}, r"head\.fc\.weight \[10, 32\] for \[7, 32\]"),
        ({"depths": (1, 1, 3, 1)}, r"missing: stages\.2\.blocks\.2"),
        ({"depths": (1, 1, 1, 1)}, r"not in the network: stages\.2\.blocks\.1"),
    ],
)
def test_a_mismatch_is_refused_by_naming_keys(
    changes: dict[str, object], message: str, official: dict[str, Tensor]
) -> None:
    model = network(**changes)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    with pytest.raises(UserError, match=message):
        load_official_weights(model, official)
    assert all(torch.equal(before[key], tensor) for key, tensor in model.state_dict().items())


def test_weights_of_another_network_are_refused_by_naming_keys(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not weights of the authors' ParCNetV2: .*layer1\.weight"):
        convert({"layer1.weight": torch.zeros(3)})
    with pytest.raises(UserError, match="there is no file"):
        load_official_weights(network(), tmp_path / "nowhere.pth")


@pytest.mark.parametrize(
    "content", [[1, 2], torch.zeros(2), {3: torch.zeros(2)}, {"state_dict": {"norm.weight": 3}}, {}]
)
def test_files_without_weights_are_named(content: object, tmp_path: Path) -> None:
    path = tmp_path / "odd.pth"
    torch.save(content, path)
    with pytest.raises(UserError, match="no weights here: expected tensors by name"):
        load_official_weights(network(), path)


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.pth"
    path.write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(UserError, match=r"cut\.pth cannot be read"):
        load_official_weights(network(), path)


def test_only_a_parcnetv2_takes_them(official: dict[str, Tensor]) -> None:
    with pytest.raises(TypeError, match="got a Linear"):
        load_official_weights(nn.Linear(2, 2), official)


def test_official_kernels_are_fitted_to_a_network_of_another_image_size(official: dict[str, Tensor]) -> None:
    model = network(img_size=(96, 48))
    load_official_weights(model, official)
    kernel = model.stages[0].blocks[0].spatial.mix.oversized.kernel_h
    assert kernel.shape == (8, 47)
    assert torch.equal(kernel[:, 23], official["stages.0.0.token_mixer.dwconv1.conv_h.weight"][:, 0, 15, 0])
