"""Cascade R-CNN's heads against hand-computed values, and a single stage against torchvision's heads."""

import math
from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.ops import MultiScaleRoIAlign

from parcnet.tasks.detection.cascade_heads import CASCADE, MASK_RCNN, CascadeRoIHeads
from parcnet.tasks.detection.coco import CroppedMasks, Target
from parcnet.tasks.detection.region_heads import box_predictor, mask_head, region_head

CLASSES = 3
SIZE = (64, 64)
MAPS = ["0"]


def stage_head(stage, agnostic=False, samples=16, positive_fraction=0.5):
    masks = mask_head(256, CLASSES + 1)
    return RoIHeads(
        MultiScaleRoIAlign(MAPS, 7, 0),
        region_head("2fc", 256),
        box_predictor(CLASSES + 1, agnostic),
        stage.iou,
        stage.iou,
        samples,
        positive_fraction,
        stage.weights,
        0.05,
        0.5,
        10,
        mask_roi_pool=MultiScaleRoIAlign(MAPS, 14, 0),
        mask_head=masks[0],
        mask_predictor=masks[1],
    )


def heads(stages, *, agnostic=False, **options):
    torch.manual_seed(0)
    return CascadeRoIHeads([stage_head(stage, agnostic) for stage in stages], stages, **options)


@pytest.fixture(scope="module")
def maps():
    return OrderedDict({"0": torch.randn(1, 256, 16, 16, generator=torch.Generator().manual_seed(1))})


@pytest.fixture
def truth():
    masks = torch.zeros(2, *SIZE, dtype=torch.uint8)
    masks[0, 4:24, 8:32] = 1
    masks[1, 30:60, 35:63] = 1
    boxes = torch.tensor([[8.0, 4, 32, 24], [35, 30, 63, 60]])
    return masks, Target(boxes, torch.tensor([1, 3]), CroppedMasks.of(masks))


PROPOSALS = torch.tensor([[6.0, 5, 30, 26], [36, 28, 60, 62], [0, 0, 10, 10], [40, 2, 60, 20], [9, 4, 33, 22]])


def test_the_losses_of_one_stage_equal_torchvisions_mask_rcnn(maps, truth):
    masks, target = truth
    ours = heads(MASK_RCNN, beta=1 / 9).train()
    theirs = ours.heads[0]
    torch.manual_seed(5)
    _, expected = theirs(
        maps, [PROPOSALS.clone()], [SIZE], [{"boxes": target.boxes, "labels": target.labels, "masks": masks}]
    )
    torch.manual_seed(5)
    _, found = ours(maps, [PROPOSALS.clone()], [SIZE], [target])
    assert set(found) == set(expected)
    for name in expected:
        assert_close(found[name], expected[name], msg=name)


def test_the_detections_of_one_stage_equal_torchvisions_mask_rcnn(maps):
    ours = heads(MASK_RCNN).eval()
    nn.init.normal_(ours.heads[0].box_predictor.cls_score.weight, std=0.1)
    with torch.no_grad():
        (expected,), _ = ours.heads[0](maps, [PROPOSALS], [SIZE])
        (found,), _ = ours(maps, [PROPOSALS], [SIZE])
    assert len(expected["scores"]) > 3
    for name in expected:
        assert_close(found[name], expected[name], msg=name)


# the IoU of a box of 20 x 20 px with itself shifted by s px is (20 - s) / (20 + s)
SHIFTED = {0.55: 20 * 0.45 / 1.55, 0.65: 20 * 0.35 / 1.65, 0.75: 20 * 0.25 / 1.75}


@pytest.mark.parametrize(("stage", "positive"), [(0, [0.55, 0.65, 0.75]), (1, [0.65, 0.75]), (2, [0.75])])
def test_regions_are_positive_from_iou_5_6_and_7_tenths(stage, positive):
    head = stage_head(CASCADE[stage])
    proposals = [torch.tensor([[shift, 0.0, 20 + shift, 20] for shift in SHIFTED.values()])]
    matched, labels = head.assign_targets_to_proposals(
        proposals, [torch.tensor([[0.0, 0, 20, 20]])], [torch.tensor([2])]
    )
    assert labels[0].tolist() == [2 if overlap in positive else 0 for overlap in SHIFTED]
    assert matched[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize(("stage", "deviations"), [(0, (0.1, 0.2)), (1, (0.05, 0.1)), (2, (1 / 30, 1 / 15))])
def test_box_targets_are_divided_by_the_stages_standard_deviations(stage, deviations):
    """From 10 x 20 at (0, 0) to 20 x 10 at (5, 5): centres (5, 10) and (15, 10)."""
    coder = stage_head(CASCADE[stage]).box_coder
    found = coder.encode_single(torch.tensor([[5.0, 5, 25, 15]]), torch.tensor([[0.0, 0, 10, 20]]))
    near, size = deviations
    expected = [(15 - 5) / 10 / near, 0.0, math.log(2) / size, math.log(0.5) / size]
    assert_close(found[0], torch.tensor(expected), atol=1e-4, rtol=1e-5)


def test_stage_losses_have_weights_1_a_half_and_a_quarter(maps, truth):
    """Three equal stages that do not move boxes, so that their losses differ only by the weights."""
    equal = tuple(type(CASCADE[0])(0.5, CASCADE[0].weights, stage.loss_weight) for stage in CASCADE)
    ours = heads(equal).train()
    for each in ours.heads:
        each.load_state_dict(ours.heads[0].state_dict())
        nn.init.zeros_(each.box_predictor.bbox_pred.weight)
        each.fg_bg_sampler.batch_size_per_image = 100  # all regions, so that sampling is not random
        each.fg_bg_sampler.positive_fraction = 1.0
    _, losses = ours(maps, [PROPOSALS.clone()], [SIZE], [truth[1]])
    for name in ("loss_classifier", "loss_box_reg", "loss_mask"):
        first, second, third = (losses[f"stage{number}_{name}"].item() for number in (1, 2, 3))
        assert first > 0
        assert second == pytest.approx(first / 2, rel=1e-5)
        assert third == pytest.approx(first / 4, rel=1e-5)


class ConstantPredictor(nn.Module):
    """Predicts the same logits and deltas for every region."""

    def __init__(self, logits, deltas):
        super().__init__()
        self.logits, self.deltas = torch.tensor(logits), torch.tensor(deltas)

    def forward(self, x):
        return self.logits.expand(len(x), -1), self.deltas.expand(len(x), -1)


def test_scores_are_the_softmax_of_mean_logits_and_boxes_those_of_the_last_stage(maps):
    ours = heads(CASCADE, agnostic=True).eval()
    logits = [[0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 4.0, 0.0], [0.0, 4.0, 0.0, 0.0]]
    # each stage moves the box by a tenth of its width
    for head, own in zip(ours.heads, logits, strict=True):
        head.box_predictor = ConstantPredictor(own, [0.1 * head.box_coder.weights[0], 0.0, 0.0, 0.0])
    with torch.no_grad():
        (found,), _ = ours(maps, [torch.tensor([[10.0, 10, 30, 30]])], [SIZE])
    mean = torch.tensor(logits).mean(0)
    expected = mean.softmax(0)
    assert found["labels"][0] == 1
    assert_close(found["scores"][0], expected[1])
    assert_close(found["scores"][1], expected[2])
    assert_close(found["boxes"][0], torch.tensor([16.0, 10, 36, 30]))  # 3 times 2 px


def test_mask_probabilities_are_averaged_over_the_stages(maps):
    ours = heads(CASCADE, agnostic=True).eval()
    for head, logit in zip(ours.heads, (-1.0, 0.5, 3.0), strict=True):
        head.box_predictor = ConstantPredictor([0.0, 5.0, 0.0, 0.0], [0.0] * 4)
        nn.init.zeros_(head.mask_predictor.mask_fcn_logits.weight)
        nn.init.constant_(head.mask_predictor.mask_fcn_logits.bias, logit)
    with torch.no_grad():
        (found,), _ = ours(maps, [torch.tensor([[10.0, 10, 30, 30]])], [SIZE])
    expected = torch.tensor([-1.0, 0.5, 3.0]).sigmoid().mean()
    assert found["masks"].shape == (1, 1, 28, 28)
    assert_close(found["masks"], expected.expand(1, 1, 28, 28))


def test_later_stages_get_refined_regions_without_ground_truth_boxes(maps, truth, monkeypatch):
    ours = heads(CASCADE, agnostic=True).train()
    seen = []
    for head in ours.heads:
        head.box_predictor = ConstantPredictor([0.0, 1.0, 0.0, 0.0], [0.1 * head.box_coder.weights[0], 0.0, 0.0, 0.0])
        plain = head.add_gt_proposals
        monkeypatch.setattr(
            head, "add_gt_proposals", lambda own, true, plain=plain: seen.append(own[0]) or plain(own, true)
        )
    ours(maps, [PROPOSALS.clone()], [SIZE], [truth[1]])
    assert [len(each) for each in seen] == [len(PROPOSALS)] * 3
    width = PROPOSALS[:, 2] - PROPOSALS[:, 0]
    moved = torch.stack([PROPOSALS[:, 0] + 0.1 * width, PROPOSALS[:, 2] + 0.1 * width], 1).clamp(max=64)
    assert_close(seen[1][:, [0, 2]].sort(0).values, moved.sort(0).values)


def test_no_gradient_flows_into_earlier_stages(maps, truth):
    ours = heads(CASCADE).train()
    _, losses = ours(maps, [PROPOSALS.clone()], [SIZE], [truth[1]])
    sum(value for name, value in losses.items() if name.startswith("stage3")).backward()
    assert all(parameter.grad is None for parameter in ours.heads[0].parameters())
    assert all(parameter.grad is not None for parameter in ours.heads[2].parameters())
