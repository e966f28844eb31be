"""The frozen inference network: the same outputs, verified on creation, and no layers of training."""

import copy

import pytest
import torch
from torch import Tensor, nn

import parcnet
from parcnet.layers.inference import MIXES
from parcnet.layers.packed import unpackable
from parcnet.models import ParCNetV2, optimize
from parcnet.models.optimize import _Compiled

SIZE = (40, 56)
ENGINES = ["plain", "onednn", "auto"]


@pytest.fixture
def image() -> Tensor:
    return torch.randn(2, 3, *SIZE)


@pytest.fixture
def model() -> nn.Module:
    """Every weight away from its starting value, so that forgetting one shows."""
    net = ParCNetV2(depths=(1, 1, 2, 1), dims=(8, 16, 16, 24), img_size=SIZE, num_classes=5, drop_path_rate=0.2).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter) * parameter.std(correction=0).clamp(min=0.1))
    return net


def skip_without_onednn(engine: str, image: Tensor) -> None:
    reason = unpackable(image)
    if engine == "onednn" and reason:
        pytest.skip(f"not checked: {reason}")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("algorithm", [*MIXES, ("conv", "matmul", "dense", "conv")], ids=str)
def test_every_engine_and_algorithm_gives_the_network_s_answers(
    model: nn.Module, image: Tensor, engine: str, algorithm: str | tuple[str, ...]
) -> None:
    skip_without_onednn(engine, image)
    fast = optimize(model, image, engine=engine, algorithm=algorithm)
    other = torch.randn_like(image)
    torch.testing.assert_close(fast(other), model(other), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kernel_fit", ["interpolate", "fixed"])
def test_kernels_are_baked_for_a_size_the_network_was_not_made_for(model: nn.Module, kernel_fit: str) -> None:
    other = ParCNetV2(depths=(1, 1, 2, 1), dims=(8, 16, 16, 24), img_size=SIZE, num_classes=5, kernel_fit=kernel_fit)
    other.load_state_dict(model.state_dict())
    picture = torch.randn(1, 3, 72, 33)
    torch.testing.assert_close(optimize(other, picture)(picture), other.eval()(picture), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
def test_any_batch_works_after_optimizing_for_one(model: nn.Module, image: Tensor, engine: str) -> None:
    skip_without_onednn(engine, image)
    fast = optimize(model, image[:1], engine=engine)
    batch = torch.randn(5, 3, *SIZE)
    torch.testing.assert_close(fast(batch), model(batch), rtol=1e-4, atol=1e-4)


def test_bfloat16_networks_are_optimized_too(model: nn.Module, image: Tensor) -> None:
    low = copy.deepcopy(model).bfloat16()
    fast = optimize(low, image.bfloat16())
    assert fast(image.bfloat16()).dtype == torch.bfloat16


def test_the_model_is_left_as_it_was(model: nn.Module, image: Tensor) -> None:
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    parcnet.optimize(model, image)
    assert model.training
    assert all(not module._forward_pre_hooks for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_norm_weights_and_residual_scales_are_gone_as_layers(model: nn.Module, image: Tensor) -> None:
    blocks = optimize(model, image, engine="plain").network.stages[3].blocks
    kinds = {type(module).__name__ for module in blocks.modules()}
    assert not kinds & {"BiasFreeLayerNorm2d", "ResScale", "DropPath", "OversizedConv2d"}


def test_no_gradient_is_kept(model: nn.Module, image: Tensor) -> None:
    assert not optimize(model, image)(image.requires_grad_()).requires_grad


def test_another_image_size_is_refused_with_both_sizes(model: nn.Module, image: Tensor) -> None:
    with pytest.raises(ValueError, match="optimized for images of 40x56 px, got 32x32"):
        optimize(model, image)(torch.randn(1, 3, 32, 32))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"engine": "warp"}, ValueError, "unknown engine 'warp'"),
        ({"algorithm": "fft"}, ValueError, "expected auto or one of conv, matmul, dense"),
        ({"algorithm": ("conv", "conv")}, ValueError, "one for each stage"),
    ],
)
def test_unknown_engines_and_algorithms_are_named(
    model: nn.Module, image: Tensor, arguments: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        optimize(model, image, **arguments)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.randn(3, 40, 56), r"got \(3, 40, 56\)"),
        (torch.randn(1, 1, 40, 56), r"\[batch, 3, height, width\]"),
        (torch.randn(1, 3, 40, 56).double(), "float64.*convert one"),
        (torch.full((1, 3, 40, 56), torch.nan), "NaN"),
    ],
    ids=["no batch", "grey", "float64", "nan"],
)
def test_an_invalid_image_is_named(model: nn.Module, image: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        optimize(model, image)


def test_other_networks_are_refused(image: Tensor) -> None:
    with pytest.raises(TypeError, match=r"torch.compile serves other networks"):
        optimize(nn.Conv2d(3, 3, 1), image)


def test_a_wrong_result_is_never_returned(model: nn.Module, image: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parcnet.layers.inference.Depthwise.forward", lambda self, x, other=None: x)  # noqa: ARG005
    with pytest.raises(RuntimeError, match="please report this"):
        optimize(model, image, engine="plain")


@pytest.mark.slow
def test_inductor_freezes_the_weights(model: nn.Module, image: Tensor) -> None:
    fast = optimize(model, image, engine="inductor")
    assert isinstance(fast.network, _Compiled)
    torch.testing.assert_close(fast(image), model(image), rtol=1e-4, atol=1e-4)
