"""Validation reports the first non-finite number, also where the metrics stay finite."""

import math
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist
from torch import nn

from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.loop.nonfinite import NonFinite
from parcnet.training.loop.validation import validate

FINE = torch.ones(3, 2)


class MeanOutput:
    """A task whose only metric is the mean of all outputs, without those that are not finite if `robust`."""

    logged = ("mean",)

    def __init__(self, robust=False):
        self.robust = robust

    def evaluate(self, predictor, batches, metadata, reduction):  # noqa: ARG002 - as every task
        outputs = torch.cat([predictor(images).float() for images, _ in batches])
        outputs = outputs[outputs.isfinite()] if self.robust else outputs
        total = reduction.total(outputs.double().sum()[None])
        return SimpleNamespace(metrics=lambda: {"mean": float(total) / 6})


class OtherRank(ProcessGroup):
    """The first of two ranks; in the second one a batch with NaN has been found."""

    def total(self, values):
        return values + torch.tensor([1.0, 0.0]) if len(values) == 2 else values


def network():
    return nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))


def validated(net, *batches, robust=False, group=None):
    stepper = SimpleNamespace(
        synchronise=lambda: None,
        saved_network=net,
        device=torch.device("cpu"),
        dtype=None,
        group=group or ProcessGroup(),
        stop_requested=lambda: 0,
    )
    plan = SimpleNamespace(validation=[(images, None) for images in batches], metadata=None)
    return validate(MeanOutput(robust), stepper, plan)


def error_of(*arguments, **options):
    with pytest.raises(NonFinite) as error:
        validated(*arguments, **options)
    assert error.value.step is None
    return error.value


def test_finite_metrics_are_returned():
    net = network()
    with torch.no_grad():
        expected = (net(FINE).sum() + net(2 * FINE).sum()) / 6
    assert validated(net, FINE, 2 * FINE)["mean"] == pytest.approx(float(expected))


@pytest.mark.parametrize(("robust", "what"), [(False, "mean"), (True, "network's output")])
def test_the_first_layer_is_reported_even_if_the_metric_ignores_its_output(robust, what):
    net = network()
    net[2].register_forward_pre_hook(lambda _, inputs: (inputs[0].where(inputs[0] < 1e4, torch.inf),))
    with torch.no_grad():
        net[0].weight.fill_(1)
    error = error_of(net, FINE, 1e6 * FINE, robust=robust)
    assert (error.what, error.origin) == (what, "The first layer whose output is not finite is 2 (Linear).")
    assert not any(module._forward_hooks for module in net.modules())


def test_non_finite_images_are_reported_before_any_layer():
    images = FINE.clone()
    images[1, 0] = math.nan
    error = error_of(network(), FINE, images)
    assert error.origin == "The images are not finite: number 1 of the batch, before the network."


@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_a_weight_that_no_output_shows_is_reported_by_name(value):
    net = network()
    net.register_buffer("unused", torch.tensor([0.0, value]))
    error = error_of(net, FINE)
    assert error.what == "weight unused"
    assert error.value == pytest.approx(abs(value), nan_ok=True)
    assert error.origin == "The weights themselves are not finite, unused first."


def test_a_metric_that_is_not_finite_alone_is_reported_as_such():
    huge = torch.full((3, 2), 3e38)
    error = error_of(nn.Identity(), huge.double() * 5e269, huge.double() * 5e269)
    assert (error.value, error.what) == (math.inf, "mean")
    assert error.origin == "Every layer's output is finite; the metric itself is not."


def test_what_another_rank_finds_ends_this_one_too():
    store = dist.HashStore()
    store.set("origin/1", "The images are not finite.")
    error = error_of(network(), FINE, group=OtherRank(0, 2, 0, store))
    assert (error.what, error.origin) == ("network's output", "The images are not finite. (rank 1)")
    assert math.isnan(error.value)
