import sys
from types import SimpleNamespace

import pytest

from parcnet.base import UserError
from parcnet.training import train


class FakeTracker:
    """Replaces TensorBoard's writer and wandb's run, which are optional packages."""

    made: list["FakeTracker"] = []  # noqa: RUF012

    def __init__(self, *arguments, **options):
        self.arguments, self.options, self.metrics, self.closed = arguments, options, [], False
        self.made.append(self)

    def add_scalar(self, name, value, step):
        self.metrics.append((name, value, step))

    def log(self, metrics, step):
        self.metrics.extend((name, value, step) for name, value in metrics.items())

    def close(self):
        self.closed = True

    finish = close


@pytest.fixture(autouse=True)
def _fake_trackers(monkeypatch):
    FakeTracker.made = []
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=FakeTracker))
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=FakeTracker))


@pytest.mark.parametrize("track", ["tensorboard", "wandb"])
def test_metrics_of_steps_and_epochs_are_logged_and_the_tracker_is_closed(track, recipe):
    train(recipe(track=track, log_every=2))
    (tracker,) = FakeTracker.made
    assert tracker.closed
    names = {name for name, _, _ in tracker.metrics}
    assert {"step/loss", "step/grad_norm", "step/lr", "epoch/val_top1", "epoch/train_loss"} <= names
    assert [step for name, _, step in tracker.metrics if name == "epoch/val_top1"] == [3, 6]


def test_a_resumed_run_purges_later_steps(recipe, tmp_path):
    train(recipe(track="tensorboard"))
    train(recipe(track="tensorboard"), resume=str(tmp_path / "run"))
    assert [tracker.options["purge_step"] for tracker in FakeTracker.made] == [None, 7]


@pytest.mark.parametrize(("track", "module"), [("tensorboard", "torch.utils.tensorboard"), ("wandb", "wandb")])
def test_the_error_for_a_missing_package_says_how_to_install_it(track, module, recipe, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf"pip install 'parcnet\[{track}\]'"):
        train(recipe(track=track))
