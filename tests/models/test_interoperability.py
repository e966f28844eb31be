"""Our networks in other frameworks, as each documents it."""

import pytest
import safetensors.torch
import timm
import torch

from parcnet.models import build

transformers = pytest.importorskip("transformers", reason="our networks in transformers were not checked")
smp = pytest.importorskip("segmentation_models_pytorch", reason="our networks in smp were not checked")

SIZE = (96, 160)
CHANNELS = [32, 64, 96, 96]


def test_transformers_timm_backbone_gives_our_four_maps():
    config = transformers.TimmBackboneConfig(
        backbone="parcnetv2_digits", use_pretrained_backbone=False, out_indices=(0, 1, 2, 3)
    )
    body = transformers.TimmBackbone(config).eval()
    with torch.no_grad():
        maps = body(torch.randn(1, 3, *SIZE)).feature_maps
    assert [each.shape[1] for each in maps] == body.channels == CHANNELS
    assert [tuple(each.shape[2:]) for each in maps] == [(24, 40), (12, 20), (6, 10), (3, 5)]


def test_transformers_upernet_segments_with_our_network():
    config = transformers.UperNetConfig(
        backbone_config=transformers.TimmBackboneConfig(
            backbone="parcnetv2_digits", use_pretrained_backbone=False, out_indices=(0, 1, 2, 3)
        ),
        hidden_size=16,
        auxiliary_channels=8,
        auxiliary_in_channels=CHANNELS[2],
        num_labels=5,
    )
    model = transformers.UperNetForSemanticSegmentation(config)
    answer = model(torch.randn(2, 3, *SIZE), labels=torch.randint(0, 5, (2, *SIZE)))
    assert answer.logits.shape == (2, 5, *SIZE)
    answer.loss.backward()
    kernels = [p for name, p in model.named_parameters() if name.endswith("kernel_h")]
    assert kernels
    assert all(kernel.grad.abs().sum() > 0 for kernel in kernels)


@pytest.mark.parametrize("decoder", ["Unet", "FPN"])
def test_segmentation_models_pytorch_decodes_our_maps(decoder):
    model = getattr(smp, decoder)("tu-parcnetv2_digits", encoder_weights=None, classes=5).eval()
    with torch.no_grad():
        assert model(torch.randn(1, 3, *SIZE)).shape == (1, 5, *SIZE)


def test_smp_s_encoder_has_the_maps_of_features_only():
    encoder = smp.encoders.get_encoder("tu-parcnetv2_digits", weights=None, depth=5).eval()
    ours = build("parcnetv2_digits", features_only=True).eval()
    ours.load_state_dict(encoder.model.state_dict())
    image = torch.randn(1, 3, *SIZE)
    with torch.no_grad():
        theirs = encoder(image)[-4:]
        for found, expected in zip(theirs, ours(image), strict=True):
            torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("out_indices", [(0, 1, 2, 3), (1, 2)])
def test_features_only_takes_a_classifiers_weights_by_checkpoint_path(out_indices, tmp_path):
    classifier = build("parcnetv2_digits", num_classes=3).eval()
    safetensors.torch.save_file(classifier.state_dict(), tmp_path / "best.safetensors")
    features = timm.create_model(
        "parcnetv2_digits",
        features_only=True,
        out_indices=out_indices,
        checkpoint_path=str(tmp_path / "best.safetensors"),
    ).eval()
    image = torch.randn(1, 3, 32, 32)
    expected = classifier.forward_intermediates(image, indices=list(out_indices), intermediates_only=True)
    assert all(torch.equal(*pair) for pair in zip(features(image), expected, strict=True))
    again = build("parcnetv2_digits", features_only=True, out_indices=out_indices)
    again.load_state_dict(features.state_dict())  # its own names still fit
    with pytest.raises(RuntimeError, match="Missing key"):
        again.load_state_dict({"stages.0.blocks.0.norm1.weight": torch.ones(32)})
