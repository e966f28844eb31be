"""timm's interface, tested on every registered network."""

import copy
import io
from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
from timm.models import load_checkpoint
from timm.models._features_fx import GraphExtractNet
from timm.optim import create_optimizer_v2, param_groups_layer_decay
from torch import Tensor, nn

from parcnet.layers import MapSized
from parcnet.models.official import FAMILIES

Make = Callable[..., nn.Module]
Taken = Callable[..., dict[str, Any]]
STRIDES = [4, 8, 16, 32]


def same(got: Tensor, wanted: Tensor, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(got, wanted, rtol=tolerance, atol=tolerance * wanted.abs().max().item())


def test_forward_gives_finite_logits_for_each_class(make: Make, image: Tensor) -> None:
    model = make()
    logits = model(image)
    assert logits.shape == (2, model.num_classes)
    assert logits.isfinite().all()
    assert not torch.equal(logits[0], logits[1])


def test_backward_reaches_every_parameter(make: Make, image: Tensor) -> None:
    model = make().train()
    model(image).square().mean().backward()
    starved = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert starved == []


def test_features_only_gives_each_stage_s_map(make: Make, image: Tensor) -> None:
    model = make()
    features = make(features_only=True)
    maps = features(image)
    reductions = features.feature_info.reduction()
    assert reductions == [info["reduction"] for info in model.feature_info]
    assert reductions[-4:] == STRIDES
    assert [m.shape[1] for m in maps] == features.feature_info.channels()
    assert [tuple(m.shape[-2:]) for m in maps] == model.map_sizes(tuple(image.shape[-2:]))


@pytest.mark.parametrize("out_indices", [(0, 2), (1,), (-1,)])
def test_features_only_takes_out_indices(out_indices: tuple[int, ...], make: Make, image: Tensor) -> None:
    every = make(features_only=True).feature_info.reduction()
    model = make(features_only=True, out_indices=out_indices)
    assert len(model(image)) == len(out_indices)
    assert model.feature_info.reduction() == [every[i] for i in out_indices]


def test_forward_intermediates_are_the_stages(make: Make, image: Tensor) -> None:
    model = make()
    final, maps = model.forward_intermediates(image)
    assert torch.equal(final, maps[-1])
    assert torch.equal(model.forward_head(final), model(image))
    some = model.forward_intermediates(image, indices=[0, 2], stop_early=True, intermediates_only=True)
    assert all(torch.equal(got, maps[i]) for got, i in zip(some, (0, 2), strict=True))


def test_forward_intermediates_takes_norm_as_timm_s_callers_pass_it(make: Make, image: Tensor) -> None:
    model = make()
    plain = model.forward_intermediates(image, intermediates_only=True)
    normed = model.forward_intermediates(image, norm=True, intermediates_only=True)
    assert all(torch.equal(a, b) for a, b in zip(plain, normed, strict=True))


def test_weights_of_another_image_size_load_by_every_route(make: Make, taken: Taken, tmp_path) -> None:
    source = make(**taken(img_size=32), num_classes=3)
    path = tmp_path / "weights.pth"
    torch.save(source.state_dict(), path)
    image = torch.randn(1, 3, 64, 48)
    for load in (
        lambda model: model.load_state_dict(source.state_dict()),
        lambda model: load_checkpoint(model, str(path)),
    ):
        model = make(**taken(img_size=(64, 48)), num_classes=3)
        load(model)
        same(model(image), source(image))


def test_per_sample_gradients_through_torch_func(make: Make, image: Tensor) -> None:
    model = make()
    weights = {name: p.detach() for name, p in model.named_parameters() if "head" in name}
    rest = {name: p.detach() for name, p in model.named_parameters() if name not in weights}

    def loss(chosen: dict[str, Tensor], one: Tensor) -> Tensor:
        return torch.func.functional_call(model, {**rest, **chosen}, one[None]).square().mean()

    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(weights, image)
    first = torch.func.grad(loss)(weights, image[0])
    for name in weights:
        same(each[name][0], first[name], 1e-3)


def test_prune_intermediate_layers_keeps_what_the_maps_need(make: Make, image: Tensor) -> None:
    model = make()
    wanted = model.forward_intermediates(image, indices=[1], intermediates_only=True)
    assert model.prune_intermediate_layers([1]) == [1]
    assert len(model.stages) == 2
    got = model.forward_intermediates(image, indices=[1], intermediates_only=True)
    assert torch.equal(got[0], wanted[0])
    assert torch.equal(model(image), wanted[0])


def test_reset_classifier_and_get_classifier(make: Make, image: Tensor) -> None:
    model = make()
    features = model.forward_features(image)
    model.reset_classifier(7)
    assert model(image).shape == (2, 7)
    assert model.get_classifier().out_features == model.num_classes == 7
    model.reset_classifier(0)
    assert torch.equal(model(image), model.forward_head(features, pre_logits=True))
    model.reset_classifier(0, "")
    assert model(image).shape == (2, model.head_hidden_size, *features.shape[2:])


@pytest.mark.parametrize("global_pool", ["avg", "max"])
def test_creation_arguments_take_effect(make: Make, image: Tensor, global_pool: str) -> None:
    model = make(in_chans=1, num_classes=5, global_pool=global_pool, drop_path_rate=0.3)
    assert model(image[:, :1]).shape == (2, 5)
    rates = [m.drop_prob for m in model.modules() if type(m).__name__ == "DropPath"]
    assert rates == sorted(rates)
    assert rates[-1] == pytest.approx(0.3)


def test_unknown_creation_arguments_are_an_error(make: Make) -> None:
    with pytest.raises(TypeError, match="kernel_fits"):
        make(kernel_fits="fixed")


def test_fx_traces_with_map_sized_layers_as_leaves(make: Make, image: Tensor) -> None:
    model = make()
    same(torch.fx.symbolic_trace(model)(image), model(image))
    last = len(model.stages) - 1
    extract = GraphExtractNet(model, [f"stages.{last}"])
    leaves = {str(node.target) for node in extract.graph_module.graph.nodes if node.op == "call_module"}
    assert {name for name, module in model.named_modules() if isinstance(module, MapSized)} <= leaves
    same(extract(image), model.forward_features(image))


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")  # deprecated by torch, and still what users deploy
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_torchscript_scripts_saves_and_agrees_at_other_sizes(make: Make, image: Tensor) -> None:
    model = make()
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(model), buffer)
    buffer.seek(0)
    scripted = torch.jit.load(buffer)
    same(scripted(image), model(image))
    other = torch.nn.functional.pad(image, (0, 13))
    same(scripted(other), model(other))


def test_torch_export_agrees(make: Make, image: Tensor) -> None:
    model = make()
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(model, (image,), dynamic_shapes=({0: batch},))
    more = torch.cat([image, image.flip(0), image])
    same(program.module()(more), model(more))


COMPILED = ["parcnetv2_digits", pytest.param("parcnetv2_base", marks=pytest.mark.slow)]


@pytest.mark.parametrize("name", COMPILED)
def test_torch_compile_agrees_forward_and_backward(name: str) -> None:
    """One small network here: the graph of the others repeats the same blocks and takes a minute to trace."""
    model = timm.create_model(name, img_size=32, num_classes=10).eval()
    image = torch.randn(2, 3, 32, 32)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    wanted = torch.autograd.grad(model(image).square().mean(), list(model.parameters()))
    got = torch.autograd.grad(compiled(image).square().mean(), list(model.parameters()))
    for g, w in zip(got, wanted, strict=True):
        same(g, w, 1e-3)


def test_bfloat16_stays_close_to_float32(make: Make, image: Tensor) -> None:
    model = make()
    wanted = model(image)
    low = copy.deepcopy(model).bfloat16()(image.bfloat16())
    assert low.dtype == torch.bfloat16
    assert (low.float() - wanted).norm() < 0.05 * wanted.norm()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = model(image)
    assert (mixed.float() - wanted).norm() < 0.05 * wanted.norm()


def test_grad_checkpointing_equals_plain(make: Make, image: Tensor) -> None:
    def gradients(enable: bool) -> list[Tensor]:
        model = make(drop_path_rate=0.2).train()
        model.set_grad_checkpointing(enable)
        torch.manual_seed(5)
        return list(torch.autograd.grad(model(image).square().mean(), list(model.parameters())))

    for plain, checkpointed in zip(gradients(False), gradients(True), strict=True):
        assert torch.equal(plain, checkpointed)


def test_images_of_a_batch_are_independent(make: Make, image: Tensor) -> None:
    model = make()
    same(model(image)[:1], model(image[:1]))
    disturbed = image.clone()
    disturbed[1] = 100 * disturbed[1] + 7
    assert torch.equal(model(disturbed)[0], model(image)[0])


def test_memory_format_does_not_change_the_answer(make: Make, image: Tensor) -> None:
    model = make()
    wanted = model(image)
    moved = copy.deepcopy(model).to(memory_format=torch.channels_last)
    same(moved(image.contiguous(memory_format=torch.channels_last)), wanted)
    assert model.forward_features(image).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kernel_fit", ["interpolate", "fixed"])
@pytest.mark.parametrize("other", [(3, 3), (48, 80), (65, 31)], ids=str)
def test_images_of_any_size_and_aspect_ratio_work(
    kernel_fit: str, other: tuple[int, int], make: Make, taken: Taken
) -> None:
    model = make(**taken(kernel_fit=kernel_fit))
    assert model(torch.randn(1, 3, *other)).isfinite().all()


def test_set_input_size_equals_fitting_on_each_call(make: Make, image: Tensor) -> None:
    model = make()
    other = torch.nn.functional.pad(image, (0, 9, 0, 21))
    wanted = model(other)
    model.set_input_size(tuple(other.shape[-2:]))
    same(model(other), wanted)


def test_set_input_size_leaves_fixed_kernels_as_they_are(make: Make, image: Tensor, taken: Taken) -> None:
    fixed = taken(kernel_fit="fixed")
    if not fixed:
        pytest.skip("not asked: this network has no fixed kernels")
    model = make(**fixed)
    parameters = list(model.parameters())
    model.set_input_size((image.shape[2] + 21, image.shape[3] + 9))
    assert all(a is b for a, b in zip(parameters, model.parameters(), strict=True))


def test_layer_decay_gives_every_block_its_own_rate(make: Make) -> None:
    model = make()
    groups = param_groups_layer_decay(model, layer_decay=0.8, no_weight_decay_list=model.no_weight_decay())
    scale = {id(p): group["lr_scale"] for group in groups for p in group["params"]}
    assert len(scale) == len(list(model.parameters()))
    along = [scale[id(model.stem.conv.weight)]]
    for stage in model.stages:
        for block in stage.blocks:
            rates = {scale[id(p)] for p in block.parameters()}
            assert len(rates) == 1
            along.append(rates.pop())
    along.append(scale[id(model.get_classifier().weight)])
    assert along == sorted(along)
    assert len(set(along)) >= sum(len(stage.blocks) for stage in model.stages)


def test_biases_and_one_dimensional_parameters_are_not_decayed(make: Make) -> None:
    model = make()
    optimiser = create_optimizer_v2(model, "adamw", lr=1e-3, weight_decay=0.05)
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            assert (group["weight_decay"] == 0) == (parameter.dim() <= 1)


def test_pretrained_without_weights_says_what_to_do(network: str, make: Make) -> None:
    with pytest.raises(RuntimeError, match=r"parcnet comes with no weights.*parcnet\.load\(") as said:
        timm.create_model(network, pretrained=True)
    served = isinstance(make(), tuple(family.network for family in FAMILIES))
    assert ("load_official_weights" in str(said.value)) == served


def test_pretrained_takes_own_weights_and_fits_other_sizes(make: Make, taken: Taken, tmp_path) -> None:
    source = make(**taken(img_size=64), num_classes=3)
    path = tmp_path / "weights.pth"
    torch.save(source.state_dict(), path)
    size = taken(img_size=(96, 64))
    overlay = {"file": str(path), "num_classes": 3}
    model = make(**size, pretrained=True, num_classes=3, pretrained_cfg_overlay=overlay)
    image = torch.randn(1, 3, 96, 64)
    same(model(image), source(image))


def test_state_dict_round_trip(make: Make, image: Tensor) -> None:
    model = make()
    other = make()
    for parameter in other.parameters():
        parameter.data.add_(1)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(image), model(image))


def test_drop_path_rises_linearly_from_zero_to_its_rate_over_all_blocks(make: Make) -> None:
    rates = []
    for block in make(drop_path_rate=0.3).modules():
        drops = [each for name, each in block.named_children() if name.startswith("drop_path")]
        if drops and getattr(block, "residual", True):  # else nothing is dropped
            rates.append([getattr(each, "drop_prob", 0.0) for each in drops])
    assert len(rates) >= 5
    for number, each in enumerate(rates):
        assert each == pytest.approx([0.3 * number / (len(rates) - 1)] * len(each))
