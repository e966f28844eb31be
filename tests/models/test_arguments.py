"""Arguments from files and recipes: known, bounded, and never a path or a connection."""

import pytest

from parcnet.base import UserError
from parcnet.models.arguments import check_model_arguments

OPENING = {
    "pretrained": True,
    "pretrained_cfg": {"file": "weights.pth"},
    "pretrained_cfg_overlay": {"url": "http://localhost:9/x"},
    "checkpoint_path": "/etc/passwd",
    "cache_dir": "x",
    "scriptable": True,
    "features_only": True,
    "device": "cuda",
}


@pytest.mark.parametrize("name", OPENING)
@pytest.mark.parametrize("model", ["parcnetv2_digits", "resnet18"])
def test_what_opens_files_or_connections_is_never_an_argument(model, name):
    with pytest.raises(UserError, match=rf"it: {name} is not an argument of the network"):
        check_model_arguments(model, {name: OPENING[name]}, "it")


@pytest.mark.parametrize(
    ("model", "arguments"),
    [
        ("parcnetv2_tiny", {"depths": [1, 1, 2, 1], "dims": (8, 16, 24, 32), "img_size": [32, 64], "mix": "local"}),
        ("parcnetv2_digits", {"num_classes": 0, "in_chans": 1, "residual": ["none", "none", "res_scale", "none"]}),
        ("swin_tiny_patch4_window7_224", {"strict_img_size": False, "window_size": 7}),
        ("resnet18", {"block_args": {"attn_layer": "se"}, "act_layer": "silu", "output_stride": 16}),
        ("mobilenetv3_small_050", {"img_size": 32, "bn_eps": 1e-3, "stem_size": 16, "global_pool": ""}),
        ("vit_tiny_patch16_224.augreg_in21k", {"depth": 2, "embed_dim": 64, "init_values": None}),
    ],
)
def test_arguments_of_the_network_pass(model, arguments):
    check_model_arguments(model, arguments, "it")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"window": 7}, "parcnetv2_digits has no argument 'window'"),
        ({"depth": [1]}, "Did you mean depths"),
        ({"num_classes": 10**9}, "num_classes is 1000000000; expected a number of at most 1000000"),
        ({"num_classes": -1}, "whole number from 0"),
        ({"num_classes": True}, "num_classes is True"),
        ({"num_classes": "10"}, "num_classes is '10'"),
        ({"img_size": 1e9}, "img_size is 1000000000"),
        ({"img_size": [32, 0]}, "whole number from 1"),
        ({"depths": [400, 400, 400, 1]}, "at most 1024 blocks in all"),
        ({"dims": [10**9] * 4}, "dims is .*at most 65536"),
        ({"dims": [8] * 65}, "list of at most 64"),
        ({"dims": [[[[[1]]]]]}, "levels of lists"),
        ({"drop_rate": float("nan")}, "drop_rate is nan"),
        ({"mix": "../../x"}, "mix is '../../x'; expected a word"),
        ({"gate": {"a b": 1}}, "names as keys"),
        ({"mix": "x" * 65}, "a word"),
    ],
    ids=str,
)
def test_unknown_arguments_and_values_out_of_range_are_named(arguments, said):
    with pytest.raises(UserError, match=said):
        check_model_arguments("parcnetv2_digits", arguments, "it")


def test_an_unknown_network_names_the_nearest_and_the_file():
    with pytest.raises(UserError, match=r"unknown network 'parcnetv2_tini'\. .*parcnetv2_tiny.* that of it\."):
        check_model_arguments("parcnetv2_tini", {}, "it")
    with pytest.raises(UserError, match="unknown network 'hf-hub:a/b'"):
        check_model_arguments("hf-hub:a/b", {}, "it")
