import re

import pytest
import torch

from parcnet.base import UserError
from parcnet_lab.bench import describe
from parcnet_lab.bench.machine import device_slug, dtype_named


def test_a_description_holds_what_a_number_needs_and_no_name_of_a_host(monkeypatch):
    monkeypatch.setattr("parcnet_lab.bench.machine._ROWS", 64)
    found = describe("cpu", torch.float32, seconds=0.01)
    assert found["ceiling_gflops"] == max(found["gemm_gflops"].values()) > 0
    assert {"linear", "conv1x1"} <= set(found["gemm_gflops"])
    assert found["copy_gbytes"] > 0
    assert found["threads"] == torch.get_num_threads()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", found["date"])
    assert found["dtype"] == "fp32"
    assert re.fullmatch(r"cpu-[a-z0-9-]+", found["device_class"])  # and its vector units
    import platform

    assert platform.node() not in str(found)


def test_dtypes_have_short_names():
    assert dtype_named("bf16") == torch.bfloat16
    with pytest.raises(UserError, match="fp8"):
        dtype_named("fp8")


def test_the_class_of_the_device_is_part_of_a_file_name(monkeypatch):
    monkeypatch.setattr("parcnet_lab.bench.machine.device_class", lambda _: "cuda sm_90")
    assert device_slug(torch.device("cuda")) == "cuda-sm-90"
