import pytest
import torch

from parcnet.checkpoint import Metadata
from parcnet.models import complexity
from parcnet.tasks.backbone import build_backbone
from parcnet.tasks.segmentation import SegmentationLoss, segmenter, segmenter_of

# facts.md 1: UperNet for ADE20K at 512 x 2048; MACs without, parameters with the auxiliary head
LARGE = pytest.mark.slow(reason="S and B are large")
PRINTED = [
    ("parcnetv2_tiny", "fixed", 931.6, 54.9),
    ("parcnetv2_tiny", "interpolate", 952.6, 54.9),
    pytest.param("parcnetv2_small", "fixed", 1005.0, 69.4, marks=LARGE),
    pytest.param("parcnetv2_small", "interpolate", 1036.8, 69.4, marks=LARGE),
    pytest.param("parcnetv2_base", "fixed", 1105.5, 86.9, marks=LARGE),
    pytest.param("parcnetv2_base", "interpolate", 1150.6, 86.9, marks=LARGE),
]


@pytest.mark.parametrize(("network", "kernel_fit", "macs", "params"), PRINTED)
def test_supplement_tab6_parameters_and_macs(network, kernel_fit, macs, params):
    with torch.device("meta"):
        whole = segmenter(build_backbone(network, {"kernel_fit": kernel_fit}), 150)
    found = complexity(whole, (3, 512, 2048))
    assert (round(found.params / 1e6, 1), round(found.macs / 1e9, 1)) == (params, macs)


@pytest.mark.parametrize("size", [(64, 64), (96, 160), (37, 51)])
def test_logits_have_the_size_of_the_image(small, size):
    small.eval()
    with torch.no_grad():
        assert small(torch.randn(2, 3, *size)).shape == (2, 5, *size)


def test_training_returns_logits_of_both_heads_at_strides_4_and_16(small):
    decoder, auxiliary = small.train()(torch.randn(2, 3, 64, 96))
    assert decoder.shape == (2, 5, 16, 24)
    assert auxiliary.shape == (2, 5, 4, 6)


def test_every_parameter_has_a_gradient(small):
    labels = torch.randint(0, 5, (2, 64, 64))
    SegmentationLoss(0.4)(small.train()(torch.randn(2, 3, 64, 64)), labels).backward()
    assert [name for name, parameter in small.named_parameters() if parameter.grad is None] == []


def test_bfloat16_and_gradient_checkpointing(small):
    image = torch.randn(2, 3, 64, 64)
    exact = small.train()(image)[0]
    small.set_grad_checkpointing(True)
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = small(image)[0]
    assert rounded.dtype is torch.bfloat16
    assert exact.shape == rounded.shape
    rounded.float().sum().backward()
    assert torch.isfinite(small.backbone.net.stem.conv.weight.grad).all()


def test_metadata_rebuild_the_network(small):
    metadata = Metadata(
        model="parcnetv2_digits",
        model_args={"img_size": 64},
        classes=tuple("abcde"),
        preprocessing={},
        data="coins",
        task="segmentation",
        task_args={"decoder": {"channels": 16, "auxiliary_channels": 8, "dropout": 0.1}},
    )
    assert Metadata.from_json(metadata.to_json()) == metadata
    again = segmenter_of(metadata)
    again.load_state_dict(small.state_dict())
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(again.eval()(image), small.eval()(image))


@pytest.mark.parametrize("network", ["convnext_atto", "resnet18", "parc_convnext_xt"])
def test_any_network_with_four_stages_can_be_the_backbone(network):
    whole = segmenter(build_backbone(network, {}), 3, channels=8, auxiliary_channels=None).eval()
    with torch.no_grad():
        assert whole(torch.randn(1, 3, 64, 96)).shape == (1, 3, 64, 96)
