import threading

import pytest
import torch
from torch import nn

from parcnet.evaluation import torch_predictor

CPU = torch.device("cpu")


@pytest.fixture
def network():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten())
    network.train()
    network[1].eval()  # as with frozen statistics
    return network


def test_a_predictor_runs_in_eval_mode_without_gradients(network):
    with torch_predictor(network, CPU) as predictor:
        assert not any(module.training for module in network.modules())
        assert not predictor(torch.randn(2, 3, 4, 4)).requires_grad


def test_the_modes_of_all_modules_are_restored_also_after_an_exception(network):
    modes = [module.training for module in network.modules()]
    with pytest.raises(RuntimeError), torch_predictor(network, CPU) as predictor:
        predictor(torch.randn(2, 5, 4, 4))
    assert [module.training for module in network.modules()] == modes


def test_autocast_is_used_only_with_a_dtype(network):
    image = torch.randn(1, 3, 4, 4)
    for dtype, expected in ((None, torch.float32), (torch.bfloat16, torch.bfloat16)):
        with torch_predictor(network[:1], CPU, dtype) as predictor:
            assert predictor(image).dtype is expected


def test_a_lent_network_is_kept_from_other_threads_until_it_is_back(network):
    modes = []

    def lend_again():
        with torch_predictor(network, CPU):
            pass
        modes.append([module.training for module in network.modules()])

    before = [module.training for module in network.modules()]
    other = threading.Thread(target=lend_again)
    with torch_predictor(network, CPU):
        other.start()
        other.join(0.1)
        assert other.is_alive()
    other.join(10)
    assert modes == [before]
