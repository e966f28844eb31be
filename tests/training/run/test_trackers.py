import sys
from types import SimpleNamespace

import pytest

from parcnet.base import UserError
from parcnet.training import train


class Shown:
    """Stands for TensorBoard's writer and for a run of wandb; both are optional and not installed here."""

    made: list["Shown"] = []  # noqa: RUF012

    def __init__(self, *arguments, **options):
        self.arguments, self.options, self.figures, self.closed = arguments, options, [], False
        self.made.append(self)

    def add_scalar(self, name, value, step):
        self.figures.append((name, value, step))

    def log(self, figures, step):
        self.figures.extend((name, value, step) for name, value in figures.items())

    def close(self):
        self.closed = True

    finish = close


@pytest.fixture(autouse=True)
def _stand_ins(monkeypatch):
    Shown.made = []
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Shown))
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=Shown))


@pytest.mark.parametrize("track", ["tensorboard", "wandb"])
def test_the_figures_of_steps_and_epochs_are_shown_and_closed(track, recipe):
    train(recipe(track=track, log_every=2))
    (shown,) = Shown.made
    assert shown.closed
    names = {name for name, _, _ in shown.figures}
    assert {"step/loss", "step/grad_norm", "step/lr", "epoch/val_top1", "epoch/train_loss"} <= names
    assert [step for name, _, step in shown.figures if name == "epoch/val_top1"] == [3, 6]


def test_a_run_that_goes_on_takes_back_what_was_shown_after_its_state(recipe, tmp_path):
    train(recipe(track="tensorboard"))
    train(recipe(track="tensorboard"), resume=str(tmp_path / "run"))
    assert [shown.options["purge_step"] for shown in Shown.made] == [None, 7]


@pytest.mark.parametrize(("track", "module"), [("tensorboard", "torch.utils.tensorboard"), ("wandb", "wandb")])
def test_without_the_extra_a_person_is_told_what_to_install(track, module, recipe, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf"pip install 'parcnet\[{track}\]'"):
        train(recipe(track=track))
