import threading

from torch import nn

from parcnet.base.network_lock import network_lock


def enters(network: nn.Module) -> bool:
    """Whether another thread gets the network's lock at once."""
    entered = threading.Event()

    def work():
        with network_lock(network):
            entered.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return entered.wait(0.2)


def test_a_network_its_wrapper_and_its_backbone_share_one_lock_and_others_have_theirs():
    backbone = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
    wrapper = nn.Sequential(nn.Identity(), backbone, nn.Linear(4, 2))
    with network_lock(backbone), network_lock(wrapper):  # one thread takes it twice
        assert not enters(wrapper)
        assert not enters(backbone)
        assert enters(nn.Linear(2, 2))
    assert enters(wrapper)


def test_the_lock_is_free_after_an_exception():
    network = nn.Linear(2, 2)
    try:
        with network_lock(network):
            raise KeyError
    except KeyError:
        pass
    assert enters(network)
