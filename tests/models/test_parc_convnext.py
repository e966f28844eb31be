"""ParC-ConvNeXt: the authors' recorded outputs, the published counts, and maps the authors' code cannot take."""

from pathlib import Path

import pytest
import timm
import torch
from safetensors import safe_open
from torch import Tensor, nn

from parcnet.base import UserError
from parcnet.layers import ParC
from parcnet.models import ParCConvNeXt, ParCNetV2, complexity, load_official_weights
from parcnet.models.official_weights import convert

GOLDEN = Path(__file__).parents[1] / "golden" / "parc_convnext_64px.safetensors"


@pytest.fixture(scope="module")
def golden() -> dict[str, Tensor]:
    with safe_open(GOLDEN, framework="pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - safe_open is no mapping


@pytest.fixture(scope="module")
def official(golden: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix("weights/"): tensor for key, tensor in golden.items() if key.startswith("weights/")}


def network(**changes: object) -> nn.Module:
    shape = {"depths": (1, 1, 3, 2), "dims": (8, 16, 24, 32), "parc_blocks": (0, 0, 2, 1)}
    return ParCConvNeXt(**{**shape, "img_size": 64, "num_classes": 10, **changes}).eval()


@pytest.mark.parametrize("algorithm", ["auto", "conv", "fft", "reference"])
def test_golden_outputs_of_the_authors_code(
    golden: dict[str, Tensor], official: dict[str, Tensor], algorithm: str
) -> None:
    model = network(algorithm=algorithm).double()
    load_official_weights(model, {"model": official})
    with torch.no_grad():
        maps = model.forward_intermediates(golden["input"].double(), intermediates_only=True)
        logits = model(golden["input"].double())
    for got, wanted in zip([*maps, logits], [*(golden[f"stage{i}"] for i in range(4)), golden["logits"]], strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-9 * wanted.abs().max().item())


@pytest.mark.parametrize(
    ("name", "params", "macs"), [("parc_convnext_xt", 7.413, 1.139), ("parc_convnext_tiny", 28.54, 4.446)]
)
def test_counts_of_both_widths(name: str, params: float, macs: float) -> None:
    with torch.device("meta"):
        counted = complexity(timm.create_model(name), (3, 224, 224))
    assert counted.params / 1e6 == pytest.approx(params, abs=5e-3 if params > 10 else 5e-4)
    assert counted.macs / 1e9 == pytest.approx(macs, abs=5e-4)


def test_the_last_three_blocks_of_stage_3_and_the_last_of_stage_4_are_circular() -> None:
    with torch.device("meta"):
        model = timm.create_model("parc_convnext_xt")
    circular = [[isinstance(block.token_mixer, ParC) for block in stage.blocks] for stage in model.stages]
    assert circular == [[False] * 3, [False] * 3, [False] * 6 + [True] * 3, [False] * 2 + [True]]


def test_a_shifted_image_gives_shifted_maps_but_for_the_position_embeddings() -> None:
    """Without embeddings and 7x7 blocks, whose zero padding knows the border, the map is a torus to the network."""
    model = network(depths=(1, 1, 1, 1), parc_blocks=(1, 1, 1, 1), layer_scale=1.0).double()
    image = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    moved = image.roll((32, -32), (2, 3))
    with torch.no_grad():
        assert not torch.allclose(model(image), model(moved))
        for block in (module for module in model.modules() if isinstance(module, ParC)):
            block.vertical_position.weight.zero_()
            block.horizontal_position.weight.zero_()
        torch.testing.assert_close(model(image), model(moved))


def test_authors_weights_fit_images_that_are_not_square(official: dict[str, Tensor]) -> None:
    model = network(img_size=(96, 32))
    load_official_weights(model, official)
    kernel = model.stages[2].blocks[1].token_mixer.vertical.kernel
    theirs = official["stages.2.1.gcc_H.gcc_conv.weight"]
    wanted = nn.functional.interpolate(theirs, (6, 1), mode="bilinear", align_corners=True)
    torch.testing.assert_close(kernel, wanted[:, 0, :, 0])
    assert model(torch.randn(1, 3, 96, 32)).isfinite().all()


def test_each_network_s_checkpoint_is_recognised_by_its_keys(official: dict[str, Tensor]) -> None:
    other = ParCNetV2(depths=(1, 1, 2, 1), dims=(8, 16, 24, 32), img_size=64, num_classes=10)
    with pytest.raises(UserError, match=r"weights of the authors' ParC-ConvNeXt.*got a ParCNetV2"):
        load_official_weights(other, official)
    with pytest.raises(UserError, match=r"not weights of the authors' ParC-ConvNeXt: 1 of 96 keys.*gcc_D\.pe"):
        convert({**official, "stages.2.1.gcc_D.pe": torch.zeros(1)})


def test_parc_blocks_need_one_number_a_stage() -> None:
    with pytest.raises(ValueError, match="parc_blocks"):
        network(parc_blocks=(0, 1))
