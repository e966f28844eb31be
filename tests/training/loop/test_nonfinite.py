"""A run that must stop says which layer began it."""

import pytest
import torch

from parcnet.training import Diverged, train
from parcnet.training.loop.nonfinite import nonfinite_outputs
from parcnet.training.loop.step import Stepper


def stopped(recipe, **fields):
    with pytest.raises(Diverged) as error:
        train(recipe(max_skipped_steps=1, **fields))
    return str(error.value)


def poison(monkeypatch, change):
    """change(stepper, batch) before the second step and the third."""
    real = Stepper.__call__

    def poisoned(self, batch, step):
        if step in (1, 2):
            change(self, batch)
        return real(self, batch, step)

    monkeypatch.setattr(Stepper, "__call__", poisoned)


def test_the_first_layer_whose_output_is_not_finite_is_named(recipe, monkeypatch):
    def change(stepper, _):
        layer = stepper.network.get_submodule("stages.2.blocks.0")
        layer.register_forward_pre_hook(lambda _, inputs: (inputs[0] * float("inf"),))

    poison(monkeypatch, change)
    said = stopped(recipe)
    assert "the loss is nan at step 2 (epoch 1)" in said
    assert "The first layer whose output is not finite is stages.2.blocks.0." in said


def test_a_weight_that_is_not_finite_is_named_before_any_layer(recipe, monkeypatch):
    def change(stepper, _):
        with torch.no_grad():
            stepper.network.get_parameter("stages.1.downsample.conv.weight")[0, 0, 0, 0] = float("inf")

    poison(monkeypatch, change)
    assert "The weights themselves are not finite, stages.1.downsample.conv.weight first" in stopped(recipe)


def test_images_that_are_not_finite_are_told_from_layers(recipe, monkeypatch):
    real = Stepper.__call__

    def flawed(self, batch, step):
        batch[0][0][5, 0, 0, 0] = float("nan")
        return real(self, batch, step)

    monkeypatch.setattr(Stepper, "__call__", flawed)
    assert "The images are not finite: number 5 of the batch" in stopped(recipe)


def test_a_gradient_that_is_not_finite_is_named_going_backwards(recipe, monkeypatch):
    def change(stepper, _):
        for name in ("stages.1.downsample.conv.weight", "stem.conv.weight"):
            stepper.network.get_parameter(name).register_hook(lambda gradient: gradient * float("nan"))

    poison(monkeypatch, change)
    said = stopped(recipe)
    assert "the gradient is nan at step 2" in said
    assert "the gradient of stages.1.downsample.conv.weight is the first that is not" in said


def test_the_hooks_are_gone_afterwards_also_on_exceptions():
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), nonfinite_outputs(network):
        network(torch.zeros(1, 3))
    assert not any(module._forward_hooks for module in network.modules())
