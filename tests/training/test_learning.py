"""What training is for: it can fit what it sees, and half precision survives what gated networks produce."""

import pytest
import timm
import torch

import parcnet  # noqa: F401 - registers the networks
from parcnet.training import train


def test_it_overfits_a_few_images(recipe, tmp_path):
    """Sixty images, no augmentation, no regularisation: the loss goes to nothing."""
    plain = {"scale": (1.0, 1.0), "ratio": (1.0, 1.0), "smoothing": 0.0, "drop_path": 0.0, "weight_decay": 0.0}
    train(recipe(epochs=25, lr=2e-3, eval_every=25, warmup_epochs=1.0, **plain))
    import json

    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert lines[0]["train_loss"] > 0.5
    assert lines[-1]["train_loss"] < 0.01


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("scale", [1.0, 100.0, 1000.0])
def test_gated_blocks_stay_finite_in_half_precision_on_large_activations(dtype, scale):
    """NaN under AMP is what users of gated networks complain of: products of two large numbers leave fp16's range.

    The images and so the stem's output are `scale` times what they are in use; each block's norm takes that back.
    """
    torch.manual_seed(0)
    network = timm.create_model("parcnetv2_digits").train()
    images = scale * torch.randn(4, 3, 32, 32)
    exact = network(images)
    with torch.autocast("cpu", dtype):
        half = network(images)
    loss = half.float().logsumexp(-1).mean()
    loss.backward()
    assert torch.isfinite(half).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())
    torch.testing.assert_close(half.float(), exact, rtol=0.1, atol=0.1 * float(exact.detach().std()))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("unit", ["spatial", "channel"])
def test_a_gated_unit_alone_keeps_its_accuracy_on_large_activations(unit, dtype):
    """Inputs of 50 in place of 1: the product of gate and feature is in the hundreds, and its sum near fp16's end."""
    torch.manual_seed(0)
    gated = timm.create_model("parcnetv2_digits").get_submodule("stages.1.blocks.0").get_submodule(unit)
    for parameter in gated.parameters():  # as large as in trained networks; the initial 0.02 would hide overflow
        torch.nn.init.normal_(parameter, std=0.1)
    maps = 50 * torch.randn(2, 64, 4, 4)
    exact = gated.double()(maps.double())
    gated.float()
    with torch.autocast("cpu", dtype):
        half = gated(maps)
    assert exact.abs().max() > 1000
    assert torch.isfinite(half).all()
    error = (half.double() - exact).square().mean().sqrt() / exact.square().mean().sqrt()
    assert float(error.detach()) < 8 * torch.finfo(dtype).eps


def test_fp16_training_with_a_scaler_that_overflows_at_first_learns(recipe, tmp_path):
    import json

    outcome = train(recipe(amp="fp16", epochs=6, lr=2e-3))
    lines = [json.loads(line) for line in (outcome.folder.steps).read_text().splitlines()]
    assert sum(line["updated"] for line in lines) >= len(lines) - 3
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert log[-1]["train_loss"] < 0.8 * log[0]["train_loss"]


@pytest.mark.slow
def test_a_compiled_network_learns_the_same_and_its_checkpoint_has_the_same_names(recipe, tmp_path):
    from parcnet import checkpoint

    eager, compiled = (
        train(recipe(output=str(tmp_path / str(flag)), compile=flag, ema_decay=0.5)) for flag in (False, True)
    )
    for name, weight in checkpoint.read(eager.folder.last).weights.items():
        torch.testing.assert_close(checkpoint.read(compiled.folder.last).weights[name], weight, rtol=1e-2, atol=1e-4)
    assert compiled.best.train_loss == pytest.approx(eager.best.train_loss, rel=1e-3)
