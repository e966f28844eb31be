"""A run that diverges reports the origin of the first non-finite number."""

import pytest
import torch

from parcnet.models.staged import StagedNetwork
from parcnet.training import Diverged, train
from parcnet.training.loop.nonfinite import nonfinite_outputs
from parcnet.training.loop.step import Stepper


def divergence_message(recipe, **fields):
    with pytest.raises(Diverged) as error:
        train(recipe(max_skipped_steps=1, **fields))
    return str(error.value)


def inject(monkeypatch, change):
    """Calls change(stepper, batch) before the second and the third step."""
    real = Stepper.__call__

    def changed(self, batch, step):
        if step in (1, 2):
            change(self, batch)
        return real(self, batch, step)

    monkeypatch.setattr(Stepper, "__call__", changed)


def test_the_first_layer_with_a_non_finite_output_is_reported(recipe, monkeypatch):
    def change(stepper, _):
        layer = stepper.network.get_submodule("stages.2.blocks.0")
        layer.register_forward_pre_hook(lambda _, inputs: (inputs[0] * float("inf"),))

    inject(monkeypatch, change)
    message = divergence_message(recipe)
    assert "the loss is nan at step 2 (epoch 1)" in message
    assert "The first layer whose output is not finite is stages.2.blocks.0." in message


def test_a_non_finite_weight_is_reported_before_any_layer(recipe, monkeypatch):
    def change(stepper, _):
        with torch.no_grad():
            stepper.network.get_parameter("stages.1.downsample.conv.weight")[0, 0, 0, 0] = float("inf")

    inject(monkeypatch, change)
    assert "The weights themselves are not finite, stages.1.downsample.conv.weight first" in divergence_message(recipe)


def test_non_finite_images_are_reported_before_any_layer(recipe, monkeypatch):
    real = Stepper.__call__

    def damaged(self, batch, step):
        batch[0][0][5, 0, 0, 0] = float("nan")
        return real(self, batch, step)

    monkeypatch.setattr(Stepper, "__call__", damaged)
    assert "The images are not finite: number 5 of the batch" in divergence_message(recipe)


def test_the_first_non_finite_gradient_of_the_backward_pass_is_reported(recipe, monkeypatch):
    def change(stepper, _):
        for name in ("stages.1.downsample.conv.weight", "stem.conv.weight"):
            stepper.network.get_parameter(name).register_hook(lambda gradient: gradient * float("nan"))

    inject(monkeypatch, change)
    message = divergence_message(recipe)
    assert "the gradient is nan at step 2" in message
    assert "the gradient of stages.1.downsample.conv.weight is the first that is not" in message


def test_hooks_are_removed_also_on_exceptions():
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), nonfinite_outputs(network):
        network(torch.zeros(1, 3))
    assert not any(module._forward_hooks for module in network.modules())


@pytest.fixture
def overflowing(monkeypatch):
    """overflowing(training): the features of every network overflow, in training or in validation."""
    real = StagedNetwork.forward_features

    def start(training):
        def forward_features(self, x):
            return real(self, x) * (torch.inf if self.training is training else 1)

        monkeypatch.setattr(StagedNetwork, "forward_features", forward_features)

    return start


def test_an_epoch_whose_steps_are_all_skipped_reports_the_origin_also_after_resume(recipe, overflowing):
    overflowing(training=True)
    for resume in (None, "auto"):
        with pytest.raises(Diverged) as error:
            train(recipe(max_skipped_steps=9, epochs=1), resume=resume)
        assert "the loss is nan at step 1 (epoch 1)" in str(error.value)
        assert "The first layer whose output is not finite is head." in str(error.value)


def test_an_epoch_without_a_finite_gradient_reports_the_first_also_after_resume(recipe, monkeypatch):
    def forward_head(self, x, pre_logits=False):
        if x.requires_grad:
            x.register_hook(lambda gradient: gradient * torch.nan)
        return self.head(x, pre_logits=pre_logits)

    monkeypatch.setattr(StagedNetwork, "forward_head", forward_head)
    for resume in (None, "auto"):
        with pytest.raises(Diverged) as error:
            train(recipe(max_skipped_steps=9, epochs=1), resume=resume)
        assert "the gradient is nan at step 1 (epoch 1)" in str(error.value)
        assert "in the backward pass, the gradient of stages.3.blocks." in str(error.value)


def test_a_validation_that_is_the_first_to_diverge_reports_the_origin(recipe, overflowing):
    overflowing(training=False)
    with pytest.raises(Diverged) as error:
        train(recipe(epochs=1))
    assert "the loss is nan after epoch 1, on validation" in str(error.value)
    assert "The first layer whose output is not finite is head." in str(error.value)
