import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from parcnet import checkpoint
from parcnet.data import Preprocessing
from parcnet.deploy import SUFFIXES, Export, export

NUMBERS = {"depths": (1, 1, 2, 1), "dims": (8, 16, 24, 32), "img_size": 32, "num_classes": 10}
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SIZE = (48, 32)
BATCHES = {"onnx": None, "openvino": 3, "mnn": 1, "torch-export": None}
"""Batch of the file of each format: any, several, one."""


def small_network() -> nn.Module:
    """ParCNetV2, narrow, no two of its scales equal, so that nothing can be left out unseen."""
    torch.manual_seed(0)
    network = timm.create_model("parcnetv2_digits", **NUMBERS).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.dim() == 1:
                parameter.uniform_(0.5, 1.5)
            elif "kernel" in name:
                parameter.normal_(std=0.2)
    return network


@pytest.fixture(scope="session", autouse=True)
def _no_trace() -> None:
    # torch's exporter writes thousands of records there as soon as somebody listens, as pytest does
    logging.getLogger("torch.__trace").propagate = False


@pytest.fixture(scope="session")
def saved(tmp_path_factory) -> Path:
    """A checkpoint of a small network made for 32 px digits."""
    path = tmp_path_factory.mktemp("checkpoint") / "small.safetensors"
    preprocessing = Preprocessing((32, 32), (0.3, 0.4, 0.5), (0.2, 0.3, 0.4), crop_pct=1.0)
    about = checkpoint.Metadata(
        "parcnetv2_digits", NUMBERS, NAMES,
        preprocessing.to_dict(), "digits",
    )  # fmt: skip
    checkpoint.save(path, small_network().state_dict(), about)
    return path


@pytest.fixture(scope="session")
def made(saved, tmp_path_factory) -> Callable[[str], Export]:
    """The checkpoint as a file of a format, made once: 48 x 32 px, batch by `BATCHES`."""
    folder = tmp_path_factory.mktemp("exported")

    @cache
    def make(kind: str) -> Export:
        path = folder / f"small{SUFFIXES[kind]}"
        return export(saved, path, format=kind, size=SIZE, batch=BATCHES[kind], algorithm="conv")

    return make


@pytest.fixture(name="small_network")
def _small_network() -> nn.Module:
    return small_network()
