"""Networks by name, and the list of them."""

import pytest
import timm
import torch

from parcnet.base import UserError
from parcnet.models import build, catalogue, complexity
from parcnet.models.catalogue import entry, names
from parcnet.models.published import PAPER_CONDITIONS, PAPER_TOP1


def test_an_unknown_network_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"unknown network 'parcnet_tiny'.*parcnetv2_tiny"):
        build("parcnet_tiny")


@pytest.mark.parametrize(
    ("arguments", "said", "cause"),
    [
        ({"window": 7}, "window", TypeError),
        ({"img_size": 2}, "img_size is 2", ValueError),
        ({"kernel_fit": "stretch"}, "kernel_fit", ValueError),
    ],
    ids=["argument", "size", "choice"],
)
def test_invalid_arguments_of_a_network_are_named(arguments: dict, said: str, cause: type[Exception]) -> None:
    with pytest.raises(UserError, match=rf"parcnetv2_digits cannot be built with .*: .*{said}") as error:
        build("parcnetv2_digits", **arguments)
    assert isinstance(error.value.__cause__, cause)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"drop_path_rate": 1.5}, r"drop_path_rate 1\.5"),
        ({"num_classes": -1}, "num_classes -1"),
        ({"in_chans": 0}, "in_chans 0"),
        ({"dims": (8, 8, 8, 0)}, r"dims \(8, 8, 8, 0\)"),
        ({"depths": (1, 1)}, r"depths \(1, 1\)"),
        ({"img_size": (64,)}, r"img_size is \(64,\)"),
        ({"img_size": 64.5}, r"img_size is 64\.5"),
        ({"img_size": (64, 2)}, "each at least 3"),
    ],
)
def test_impossible_numbers_are_named_before_anything_is_built(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        timm.create_model("parcnetv2_digits", **arguments)


def test_networks_of_timm_are_built_too() -> None:
    assert build("test_convnext", num_classes=4)(torch.randn(1, 3, 64, 64)).shape == (1, 4)


def test_importing_parcnet_registers_with_timm_and_the_catalogue_counts() -> None:
    assert {"parcnetv2_tiny", "parcnetv2_26m", "parcnetv2_xt_add", "convnext_tiny_bgu"} <= set(names())
    assert "convnext_tiny" not in names()
    assert entry("parcnetv2_tiny").params == 24_935_144
    assert entry("parcnetv2_tiny").paper_top1 == 83.5
    assert entry("parcnetv2_digits").paper_top1 is None


def test_every_published_accuracy_is_of_a_network_there_is() -> None:
    assert set(PAPER_TOP1) <= set(names())
    assert set(PAPER_CONDITIONS) <= set(PAPER_TOP1)


def test_arxiv_tab1_accuracies_are_marked_as_those_of_100_epochs() -> None:
    assert {name for name, said in PAPER_CONDITIONS.items() if said == "100 epochs"} == {
        name for name in PAPER_TOP1 if name.startswith("parcnetv2_10m")
    }


@pytest.mark.slow
def test_the_catalogue_is_every_network_smallest_first() -> None:
    entries = catalogue()
    assert {entry.name for entry in entries} == set(names())
    assert [entry.params for entry in entries] == sorted(entry.params for entry in entries)


def test_counting_leaves_the_model_in_its_mode() -> None:
    model = build("parcnetv2_digits").train()
    on_device = complexity(model, (3, 32, 32))
    assert model.training
    with torch.device("meta"):
        assert complexity(build("parcnetv2_digits"), (3, 32, 32)) == on_device
