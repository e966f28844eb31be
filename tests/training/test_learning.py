"""Training overfits a few images, and gated networks are stable in half precision."""

import pytest
import timm
import torch

import parcnet  # noqa: F401 - registers the networks
from parcnet.training import train


def test_training_overfits_a_few_images(recipe, tmp_path):
    """Sixty images without augmentation or regularisation: the loss approaches zero."""
    plain = {"scale": (1.0, 1.0), "ratio": (1.0, 1.0), "smoothing": 0.0, "drop_path": 0.0, "weight_decay": 0.0}
    train(recipe(epochs=25, lr=2e-3, eval_every=25, warmup_epochs=1.0, **plain))
    import json

    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert lines[0]["train_loss"] > 0.5
    assert lines[-1]["train_loss"] < 0.01


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("scale", [1.0, 100.0, 1000.0])
def test_gated_blocks_stay_finite_in_half_precision_on_large_activations(dtype, scale):
    """Products of two large numbers exceed the range of fp16, a common cause of NaN in gated networks under AMP.

    Images, and so the output of the stem, are scaled by `scale`, which each block's norm cancels.
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
def test_a_gated_unit_is_accurate_on_large_activations_in_half_precision(unit, dtype):
    """Inputs of scale 50: products of gate and feature are in the hundreds, and their sums near the limit of fp16."""
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


def test_fp16_training_learns_although_the_scaler_overflows_at_first(recipe, tmp_path):
    import json

    result = train(recipe(amp="fp16", epochs=6, lr=2e-3))
    lines = [json.loads(line) for line in (result.folder.steps).read_text().splitlines()]
    assert sum(line["updated"] for line in lines) >= len(lines) - 3
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert log[-1]["train_loss"] < 0.8 * log[0]["train_loss"]


@pytest.mark.slow
def test_a_compiled_network_trains_equally_and_its_checkpoint_has_the_same_names(recipe, tmp_path):
    from parcnet import checkpoint

    eager, compiled = (
        train(recipe(output=str(tmp_path / str(flag)), compile=flag, ema_decay=0.5)) for flag in (False, True)
    )
    for name, weight in checkpoint.read(eager.folder.last).weights.items():
        torch.testing.assert_close(checkpoint.read(compiled.folder.last).weights[name], weight, rtol=1e-2, atol=1e-4)
    assert compiled.best.train_loss == pytest.approx(eager.best.train_loss, rel=1e-3)
