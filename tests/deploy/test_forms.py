"""Every form in which a network may be written is the same function."""

import pytest
import torch

from parcnet.deploy.norms import NORMS
from parcnet.deploy.prepare import in_form, sized
from parcnet.layers.inference import MIXES


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("algorithm", MIXES)
def test_every_form_equals_the_network(norm, algorithm, small_network) -> None:
    model = sized(small_network, (48, 32))
    image = torch.randn(2, 3, 48, 32)
    with torch.no_grad():
        wanted = model.double()(image.double())
        found = in_form(model.float(), image, (algorithm,) * 4, norm)(image)
    assert (found - wanted).abs().max() < 1e-5 * wanted.square().mean().sqrt()


@pytest.mark.parametrize("norm", NORMS)
def test_norms_are_finite_in_half_precision_where_squares_overflow(norm) -> None:
    x = 200 * torch.randn(1, 48, 4, 4) + 100  # squares up to 500,000, and half precision ends at 65,504
    form = NORMS[norm](48, 1e-6)
    wanted = form(x)
    assert (form.half()(x.half()).float() - wanted).abs().max() < 5e-3 * wanted.abs().max()


def test_kernels_are_resized_for_the_size_and_baked(small_network) -> None:
    prepared = in_form(sized(small_network, (96, 64)), torch.randn(1, 3, 96, 64), ("conv",) * 4, "reduced")
    rows = prepared.get_submodule("stages.0.blocks.0.0.mix.rows")
    assert rows.weight.shape == (8, 1, 2 * 24 - 1, 1)
    assert not prepared.training
    assert not any(parameter.requires_grad for parameter in prepared.parameters())
