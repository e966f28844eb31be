import pytest
import torch
from torch.testing import assert_close

from parcnet.base import UserError
from parcnet.tasks.backbone import build_backbone
from parcnet.tasks.detection import build_detector


@pytest.mark.parametrize(
    ("detector", "options"),
    [
        ("mask_rcnn", {}),
        ("cascade_mask_rcnn", {"box_head": "4conv1fc", "box_loss": "giou", "class_agnostic": False}),
    ],
)
def test_every_parameter_has_a_gradient_with_mixed_sizes_and_empty_images(
    make_detector, target, empty_target, detector, options
):
    network = make_detector(detector, **options).train()
    images = [torch.rand(3, 96, 128), torch.randint(0, 256, (3, 100, 70), dtype=torch.uint8)]
    losses = network(images, [target.tensors(), empty_target.tensors()])
    assert all(loss.isfinite() for loss in losses.values())
    torch.stack(list(losses.values())).sum().backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize("kernel_fit", ["interpolate", "fixed"])
def test_boxes_and_masks_are_in_px_of_the_original_image(make_detector, kernel_fit):
    network = make_detector(backbone_args={"kernel_fit": kernel_fit}, score_threshold=0.0).eval()
    sizes = [(40, 150), (200, 90)]
    with torch.no_grad():
        found = network([torch.rand(3, *size) for size in sizes])
    for each, (height, width) in zip(found, sizes, strict=True):
        assert each["masks"].shape == (5, 1, height, width)
        assert each["boxes"].amin() >= 0
        assert (each["boxes"].amax(0) <= torch.tensor([width, height, width, height]) + 1e-3).all()
        assert each["labels"].amin() >= 0
        assert each["labels"].amax() <= 2
        assert (each["scores"].diff() <= 0).all()


def test_bf16_keeps_boxes_in_float32(make_detector, target):
    """bfloat16 has 8 significant bits, steps of 4 px at 800 px."""
    network = make_detector(score_threshold=0.0).train()
    with torch.autocast("cpu", torch.bfloat16):
        losses = network([torch.rand(3, 96, 128)], [target.tensors()])
        network.eval()
        with torch.no_grad():
            (found,) = network([torch.rand(3, 96, 128)])
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())
    assert found["boxes"].dtype == torch.float32
    assert (found["boxes"] != found["boxes"].bfloat16()).any()


def test_gradient_checkpointing_does_not_change_gradients(make_detector, target):
    gradients = []
    for recompute in (False, True):
        network = make_detector(mask_padding=True).train()
        network.set_grad_checkpointing(recompute)
        images = [torch.ones(3, 96, 128) / 3, torch.ones(3, 64, 96) / 2]
        torch.manual_seed(3)
        losses = network(images, [target.tensors(), target.tensors()])
        torch.stack(list(losses.values())).sum().backward()
        gradients.append(network.backbone.body.net.get_parameter("stages_2.blocks.0.spatial.project_in.weight").grad)
    assert_close(*gradients)


def test_an_unknown_detector_suggests_the_nearest(make_detector):
    with pytest.raises(UserError, match=r"unknown detector 'mask_rcn'\. Did you mean mask_rcnn"):
        make_detector("mask_rcn")


def test_a_network_without_four_strides_is_refused():
    with pytest.raises(UserError, match="strides"):
        build_backbone("vit_tiny_patch16_224", {})


def test_cascade_is_class_agnostic_by_default(make_detector):
    widths = [
        make_detector(name, class_agnostic=agnostic).roi_heads.heads[-1].box_predictor.bbox_pred.out_features
        for name, agnostic in (("mask_rcnn", None), ("cascade_mask_rcnn", None), ("cascade_mask_rcnn", False))
    ]
    assert widths == [16, 4, 16]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "convnext_atto", "swin_tiny_patch4_window7_224"])
def test_any_timm_network_with_four_strides_can_be_the_backbone(name, target):
    arguments = {"strict_img_size": False} if name.startswith("swin") else {}
    network = build_detector("mask_rcnn", build_backbone(name, arguments), 3, regions=16).train()
    losses = network([torch.rand(3, 96, 128)], [target.tensors()])
    assert all(loss.isfinite() for loss in losses.values())


@pytest.mark.slow
@pytest.mark.parametrize("kernel_fit", ["interpolate", "fixed"])
def test_the_tiny_network_detects_at_800_x_1333_in_a_batch_of_mixed_sizes(kernel_fit):
    torch.manual_seed(0)
    backbone = build_backbone("parcnetv2_tiny", {"kernel_fit": kernel_fit})
    network = build_detector("mask_rcnn", backbone, 80, score_threshold=0.0).eval()
    with torch.no_grad():
        landscape, portrait = network([torch.rand(3, 480, 800), torch.rand(3, 640, 427)])
    assert landscape["masks"].shape == (100, 1, 480, 800)
    assert portrait["masks"].shape == (100, 1, 640, 427)
