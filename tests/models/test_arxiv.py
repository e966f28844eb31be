"""The networks of the first arXiv version: their counts beside the printed ones, and the share of global channels."""

import pytest
import timm
import torch
from timm.layers import LayerScale2d

from parcnet.layers import OversizedConv2d
from parcnet.models import ParCNetV2ArXiv, complexity

# ours, parameters in millions and MACs in billions, and the printed ones: unpublished details keep them apart
COUNTS = {
    "parcnetv2_10m": ((10.09492, 1.598), (9.7, None)),
    "parcnetv2_26m": ((24.86142, 4.153), (25.6, 4.8)),
    "parcnetv2_10m_no_oversized": ((10.00794, 1.553), (9.6, None)),
    "parcnetv2_10m_no_bgu": ((10.09078, 1.598), (9.7, None)),
    "parcnetv2_10m_same_ratio": ((10.07822, 1.618), (9.6, None)),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_near_the_printed_ones(name: str) -> None:
    with torch.device("meta"):
        counted = complexity(timm.create_model(name), (3, 224, 224))
    ours, (params, macs) = COUNTS[name]
    assert (round(counted.params / 1e6, 5), round(counted.macs / 1e9, 3)) == ours
    assert counted.params / 1e6 == pytest.approx(params, rel=0.06)
    if macs is not None:
        assert counted.macs / 1e9 == pytest.approx(macs, rel=0.15)


def test_tab1_rows_order_their_counts_as_printed() -> None:
    """Printed: rows 2 and 4 alike at 9.7M, rows 3 and 5 below them at 9.6M."""
    ours = {name: params for name, ((params, _), _) in COUNTS.items()}
    assert ours["parcnetv2_10m_no_bgu"] == pytest.approx(ours["parcnetv2_10m"], abs=0.01)
    assert ours["parcnetv2_10m_no_oversized"] < ours["parcnetv2_10m"]
    assert ours["parcnetv2_10m_same_ratio"] < ours["parcnetv2_10m"]


@pytest.mark.parametrize(
    ("name", "shares"),
    [
        ("parcnetv2_10m", [0.25, 0.5, 0.75, 1.0]),
        ("parcnetv2_26m", [0.25, 0.5, 0.75, 1.0]),
        ("parcnetv2_10m_same_ratio", [0.5, 0.5, 0.5, 0.5]),
        ("parcnetv2_10m_no_oversized", [0.0, 0.0, 0.0, 0.0]),
    ],
)
def test_sec34_the_share_of_global_channels_grows_with_depth(name: str, shares: list[float]) -> None:
    with torch.device("meta"):
        model = timm.create_model(name)
    found = []
    for stage, info in zip(model.stages, model.feature_info, strict=True):
        wide = [module.channels for module in stage.blocks[0].modules() if isinstance(module, OversizedConv2d)]
        found.append(sum(wide) / info["num_chs"])
    assert found == shares


def test_sec42_layer_scale_on_both_branches_of_every_block() -> None:
    model = timm.create_model("parcnetv2_10m", depths=(1, 1, 2, 1), dims=(8, 8, 8, 8), img_size=32)
    scales = [module for module in model.modules() if isinstance(module, LayerScale2d)]
    assert len(scales) == 10
    assert all(torch.equal(scale.gamma, torch.full((8,), 0.01)) for scale in scales)


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"ratio": 1.5}, r"in \[0, 1\], got 1\.5"),
        ({"ratio": (0.5, 0.5)}, "ratio is one value for all stages or one for each of 4"),
        ({"gate": "add"}, "gate is one of 'multiply', 'none', got 'add'"),
        ({"channel": "mlp"}, "channel is one of 'bgu', 'ffn', got 'mlp'"),
    ],
    ids=str,
)
def test_an_unknown_option_is_named(wish: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ParCNetV2ArXiv(**{"depths": (1, 1, 1, 1), "dims": (8, 8, 8, 8), "img_size": 32, **wish})
