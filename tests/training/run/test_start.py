"""Finding the run folder and the state to resume from."""

from dataclasses import replace

import pytest
import torch

from parcnet.base import UserError
from parcnet.training import train
from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.run import state
from parcnet.training.run.folder import RunFolder
from parcnet.training.run.start import RunStart, run_start
from parcnet.training.run.state_files import read_state, states
from parcnet.training.setup.prepare import prepare
from parcnet.training.setup.recorder import make_recorder
from parcnet.training.setup.stepper import make_stepper


def test_resume_with_another_output_is_refused(recipe, run, tmp_path):
    with pytest.raises(UserError, match=r"--output is .*other, but --resume continues in"):
        train(recipe(output=str(tmp_path / "other")), resume=str(run))


def test_every_rank_gets_the_main_ranks_folder(recipe, run):
    """Any rank may report where the run was saved."""

    class Second(ProcessGroup):
        def from_main(self, content):
            assert content is None
            return next(sent)

    sent = iter((str(run).encode(), b""))
    with run_start(recipe(output=None), None, Second(1, 2)) as start:
        assert start.folder.path == run


@pytest.mark.parametrize(
    ("resume", "output", "message"),
    [
        ("nowhere", True, "nowhere has no training state"),
        ("auto", False, "--resume auto needs --output"),
    ],
)
def test_resume_without_a_state_or_output_is_refused(resume, output, message, recipe):
    settings = recipe() if output else recipe(output=None)
    with pytest.raises(UserError, match=message):
        train(settings, resume=resume)


def test_auto_never_overwrites_a_run_without_states(recipe, run):
    for each in states(run):
        each.unlink()
    with pytest.raises(UserError, match="never overwrites"):
        train(recipe(), resume="auto")


def test_the_state_of_another_network_is_refused(recipe, run):
    """The names of its tensors are those of the network it was made from."""
    setup = prepare(recipe(), ProcessGroup(), torch.device("cpu"))
    other = replace(setup, built=replace(setup.built, network=torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1))))
    start = RunStart(RunFolder(run), read_state(states(run)[0]))
    with pytest.raises(UserError, match="does not fit this run"):
        make_recorder(other, make_stepper(other), start)


def test_a_state_is_read_and_hashed_once(recipe, run, monkeypatch):
    calls = []
    real = state.from_bytes
    monkeypatch.setattr(state, "from_bytes", lambda *given: calls.append(given[2]) or real(*given))
    train(recipe(), resume="auto")
    assert calls == [str(states(run)[0])]


def test_a_second_run_in_a_folder_never_touches_the_first(recipe, tmp_path):
    """The folder is locked before it is read; otherwise the second run could find it empty and overwrite it later."""
    folder = tmp_path / "run"
    with run_start(recipe(), None, ProcessGroup()):
        for resume in (None, "auto"):
            with pytest.raises(UserError, match="another run is writing to"):
                train(recipe(), resume=resume)
    assert not folder.exists()  # an unused folder is removed
    train(recipe())
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match="never overwrites"):
        train(recipe())
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
