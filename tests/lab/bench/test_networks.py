"""Who is compared with whom, in which form, and what is done about a form that is not the same network."""

import pytest
import torch
from torch import nn

import parcnet
from parcnet.base import UserError
from parcnet.layers import BiasFreeLayerNorm2d, LocalGlobalConv, ParCNetV2Block
from parcnet_lab.bench.network_latency import LatencySetting, measure, ratios
from parcnet_lab.bench.networks import OURS, PEER, agreement, check_forms, contenders, forms_of, in_form

CPU = torch.device("cpu")
DIGITS = LatencySetting("digits", 2, 32, ("eager", "plain"), ("test_convnext",))


def silent(n, note):
    """Shows nothing."""


@pytest.fixture(scope="module")
def image():
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def model():
    return contenders("digits", 32, ())[0].build().eval()


def layouts(model, image):
    seen = []
    hooks = [
        each.register_forward_hook(lambda _, __, output: seen.append(output.is_contiguous()))
        for each in model.modules()
        if isinstance(each, (ParCNetV2Block, LocalGlobalConv, BiasFreeLayerNorm2d))
    ]
    with torch.inference_mode():
        model(image)
    for hook in hooks:
        hook.remove()
    return seen


def test_convnext_stands_for_the_one_of_the_same_tag_with_its_faster_layers():
    ours, peer = contenders("tiny", 224, ["convnext"])
    assert (ours.network, ours.side, dict(ours.arguments)) == ("parcnetv2_tiny", OURS, {"img_size": 224})
    assert (peer.network, peer.side, dict(peer.arguments)) == ("convnext_tiny", PEER, {"conv_mlp": True})


def test_any_network_of_timm_can_be_a_peer():
    _, peer = contenders("xt", 224, ["resnet18"])
    assert (peer.network, peer.arguments) == ("resnet18", ())


@pytest.mark.parametrize(
    ("tag", "peers", "words"),
    [
        ("tinny", (), ["unknown tag 'tinny'", "tiny"]),
        ("tiny", ("convnexxt",), ["unknown peer 'convnexxt'", "convnexxt_tiny"]),
        ("xt", ("convnext",), ["convnext_xt", "--peers NAME"]),
    ],
)
def test_a_wrong_name_is_named(tag, peers, words):
    with pytest.raises(UserError) as raised:
        contenders(tag, 224, peers)
    for word in words:
        assert word in str(raised.value)


@pytest.mark.parametrize("forms", [[], ["eagr"]])
def test_a_wrong_form_is_named(forms):
    with pytest.raises(UserError, match="eager"):
        check_forms(forms)


def test_peers_have_no_form_of_ours():
    assert forms_of(PEER, ["eager", "plain", "optimized", "inductor", "compiled"]) == ["eager", "compiled"]
    assert forms_of(OURS, ["plain", "eager"]) == ["plain", "eager"]


def test_the_plain_form_keeps_nchw_memory_throughout_and_the_eager_form_nowhere(model, image):
    assert all(layouts(in_form(model, "plain", image), image))
    # the last map is 1x1, which lies in both layouts at once
    assert layouts(in_form(model, "eager", image), image)[1] is False


@pytest.mark.parametrize("form", ["eager", "plain", "optimized", "openvino"])
def test_every_form_is_the_same_network_and_leaves_it_alone(form, model, image):
    if form not in forms_of(OURS, [form]):
        pytest.skip("parcnet.optimize does not exist here")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.inference_mode():
        assert agreement(in_form(model, form, image), model, image) is None
    after = model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in after.items())


@pytest.mark.slow
def test_the_compiled_form_is_the_same_network(model, image):
    with torch.inference_mode():
        assert agreement(in_form(model, "compiled", image), model, image) is None


@torch.inference_mode()
def test_other_logits_do_not_agree(model, image):
    assert "off by" in agreement(lambda x: 1.01 * model(x), model, image)
    assert "off by" in agreement(lambda x: model(x) * float("nan"), model, image)
    assert "shape" in agreement(lambda x: model(x)[:, :-1], model, image)


def test_a_form_with_other_logits_is_not_timed(monkeypatch):
    class Doubled(nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, x):
            return 2 * self.model(x)

    monkeypatch.setattr(parcnet, "optimize", lambda model, _: Doubled(model), raising=False)
    setting = LatencySetting("digits", 1, 32, ("eager", "optimized"), ())
    ((eager, optimized),) = measure([setting], CPU, torch.float32, 0.0, silent)
    assert eager["timing"]["rounds"] >= 5
    assert eager["failure"] is None
    assert optimized["timing"] is None
    assert "off by" in optimized["failure"]


def test_a_form_that_cannot_be_made_is_said_and_the_others_are_timed(monkeypatch):
    def broken(*_):
        raise RuntimeError("no compiler\nlong trace")

    monkeypatch.setattr(parcnet, "optimize", broken, raising=False)
    setting = LatencySetting("digits", 1, 32, ("optimized", "eager"), ())
    ((optimized, eager),) = measure([setting], CPU, torch.float32, 0.0, silent)
    assert optimized["failure"] == "cannot be made here: no compiler"
    assert eager["timing"] is not None


def timed(side, network, form, milliseconds, batch=1):
    timing = None if milliseconds is None else {"median_ms": milliseconds}
    return {"tag": "t", "batch": batch, "image": 32, "side": side, "network": network, "form": form, "timing": timing}


def test_the_ratio_is_best_against_best_and_the_plain_form_is_never_ours():
    rows = [
        timed(OURS, "ours", "eager", 20.0),
        timed(OURS, "ours", "compiled", 8.0),
        timed(OURS, "ours", "plain", 4.0),
        timed(OURS, "ours", "optimized", None),
        timed(PEER, "peer", "eager", 16.0),
        timed(PEER, "peer", "compiled", None),
        timed(PEER, "other", "eager", 4.0),
        timed(OURS, "ours", "eager", 1.0, batch=8),
    ]
    first, second = ratios(rows)
    assert (first["peer"], first["our_form"], first["peer_form"], first["ratio"]) == ("peer", "compiled", "eager", 0.5)
    assert (second["peer"], second["ratio"], second["plain_over_ours"]) == ("other", 2.0, 0.5)


def test_multiply_adds_and_parameters_come_with_each_row():
    (rows,) = measure([DIGITS], CPU, torch.float32, 0.0, silent)
    assert [(row["network"], row["form"]) for row in rows] == [
        ("parcnetv2_digits", "eager"),
        ("parcnetv2_digits", "plain"),
        ("test_convnext", "eager"),
    ]
    assert rows[0]["params"] == sum(each.numel() for each in contenders("digits", 32, ())[0].build().parameters())
    assert all(row["macs"] > 1e6 for row in rows)
