import platform

import pytest
import torch

from parcnet.base import UserError, pick_device, versions


def test_the_cpu_is_always_available():
    assert pick_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize(("cuda", "mps", "picked"), [(2, True, "cuda"), (0, True, "mps"), (0, False, "cpu")])
def test_auto_picks_the_fastest_available_device(monkeypatch, cuda, mps, picked):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_device("auto") == torch.device(picked)
    if cuda:
        assert pick_device("cuda:1") == torch.device("cuda:1")


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "meta", "cuda:x", ""])
def test_an_unavailable_device_is_named_with_the_choices(name):
    with pytest.raises(UserError, match=rf"cannot use device '{name}': .* Use auto, cpu, cuda, cuda:N or mps\."):
        pick_device(name)


def test_versions_name_what_a_result_depends_on():
    found = versions()
    assert list(found) == ["parcnet", "torch", "torchvision", "timm", "python"]
    assert found["python"] == platform.python_version()
    assert torch.__version__.startswith(found["torch"])
