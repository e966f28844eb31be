"""SIGTERM and Ctrl-C save the run and stop it."""

import os
import signal
import threading

import pytest

from parcnet.training import Interrupted, train
from parcnet.training.loop.step import Stepper
from parcnet.training.run.state_files import states
from parcnet_lab.bench.faults import differences


def send_signal(monkeypatch, number, step):
    """Sends the process a signal within a step."""
    real = Stepper.__call__

    def signalled(self, batch, at):
        if at == step:
            os.kill(os.getpid(), number)
        return real(self, batch, at)

    monkeypatch.setattr(Stepper, "__call__", signalled)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_after_the_step_with_a_state_and_instructions(number, code, recipe, tmp_path, monkeypatch):
    whole = recipe(output=str(tmp_path / "whole"))
    train(whole)
    before = signal.getsignal(number)
    monkeypatch.setattr(signal, "signal", signal.signal)
    with monkeypatch.context() as patch:
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in background jobs
        send_signal(patch, number, 4)
        with pytest.raises(Interrupted) as stopped:
            train(recipe())
    signal.signal(number, before)
    folder = tmp_path / "run"
    assert stopped.value.code == code
    assert f"parcnet train --resume {folder}" in str(stopped.value)
    assert states(folder)[0].name == "step-00000005.safetensors"  # the step was finished first
    train(recipe(), resume=str(folder))
    assert differences(tmp_path / "whole", folder) == 0


def test_signal_handlers_are_restored(recipe):
    before = signal.getsignal(signal.SIGTERM)
    train(recipe(epochs=1, warmup_epochs=0.0))
    assert signal.getsignal(signal.SIGTERM) is before


def test_outside_the_main_thread_training_works_without_handlers(recipe):
    errors = []

    def target():
        try:
            train(recipe(epochs=1, warmup_epochs=0.0))
        except ValueError as error:  # which Python raises for handlers outside the main thread
            errors.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join(timeout=120)
    assert not thread.is_alive()
    assert errors == []


def test_a_second_ctrl_c_stops_at_once_and_names_the_last_state(recipe, monkeypatch, tmp_path):
    real = Stepper.__call__

    def interrupted(self, batch, step):
        if step == 4:
            raise KeyboardInterrupt
        return real(self, batch, step)

    monkeypatch.setattr(Stepper, "__call__", interrupted)
    with pytest.raises(Interrupted, match="step-00000003") as error:
        train(recipe())
    assert error.value.code == 130
    monkeypatch.setattr(Stepper, "__call__", real)
    train(recipe(initial_checkpoint=str(tmp_path / "run"), output=str(tmp_path / "next")))
