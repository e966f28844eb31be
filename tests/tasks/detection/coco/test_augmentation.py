"""The published resize and crop policies, and the transformation of boxes and masks."""

import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from parcnet.data import reseed
from parcnet.tasks.detection.coco import DetectionAugmentation, Instances, Target
from parcnet.tasks.detection.coco.augmentation import Geometry, apply, fitted


def instances(*boxes):
    corners = [(x, y, x + width, y + height) for x, y, width, height in boxes]
    polygons = [[[x1, y1, x2, y1, x2, y2, x1, y2]] for x1, y1, x2, y2 in corners]
    return Instances(corners, [0] * len(boxes), polygons)


IMAGE = Image.new("RGB", (640, 480), (10, 20, 30))


@pytest.mark.parametrize(
    ("size", "short", "long", "expected"),
    [((480, 640), 800, 1333, (800, 1067)), ((400, 1000), 800, 1333, (533, 1333)), ((100, 100), 480, 1333, (480, 480))],
)
def test_the_shorter_side_is_resized_unless_the_longer_one_exceeds_its_limit(size, short, long, expected):
    assert fitted(size, short, long) == expected


def test_sizes_are_those_of_the_published_policies():
    """Shorter sides of 480 to 800 px in steps of 32; half of the time after a crop of 384 to 600 px."""
    augmentation = DetectionAugmentation()
    torch.manual_seed(0)
    drawn = [augmentation.random_geometry(480, 640) for _ in range(800)]
    shorts = {min(each.steps[-1]) for each in drawn if len(each.steps) == 1}
    assert shorts == set(range(480, 801, 32))
    cropped = [each for each in drawn if len(each.steps) == 3]
    assert 340 < len(cropped) < 460
    assert {min(each.steps[0]) for each in cropped} == {400, 500, 600}
    for each in cropped:
        (height, width), (top, left, rows, columns), last = each.steps
        assert 384 <= rows <= min(600, height)
        assert 384 <= columns <= min(600, width)
        assert 0 <= top <= height - rows
        assert 0 <= left <= width - columns
        assert max(last) <= 1333
    assert 340 < sum(each.flip for each in drawn) < 460


def test_augmentation_depends_on_the_seed_alone():
    augmentation = DetectionAugmentation()
    found = []
    for key in ((1, 2, 3), (1, 2, 3), (1, 2, 4)):
        reseed(*key)
        found.append(augmentation(IMAGE, instances((10, 20, 200, 100))))
    assert torch.equal(found[0][0], found[1][0])
    assert all(torch.equal(found[0][1][name], found[1][1][name]) for name in found[0][1])
    assert found[0][0].shape != found[2][0].shape


def test_boxes_and_masks_follow_the_pixels():
    """A coloured rectangle goes through flip, resize, crop and resize."""
    picture = IMAGE.copy()
    picture.paste((250, 250, 250), (100, 120, 300, 320))
    geometry = Geometry(True, ((600, 800), (50, 60, 500, 520), (750, 780)))
    pixels, target = apply(geometry, picture, instances((100, 120, 200, 200)))
    seen = (pixels[0] > 128).nonzero()
    (y1, x1), (y2, x2) = seen.amin(0).tolist(), seen.amax(0).tolist()
    assert_close(target.boxes[0], torch.tensor([x1, y1, x2 + 1, y2 + 1]).float(), atol=1.6, rtol=0)
    whole = target.masks.full(*pixels.shape[1:])[0]
    assert ((pixels[0] > 128) != whole.bool()).float().mean() < 0.004


def test_instances_outside_the_crop_are_removed():
    geometry = Geometry(False, ((0, 0, 100, 100),))
    _, target = apply(geometry, IMAGE, instances((10, 10, 50, 50), (300, 300, 50, 50), (99.5, 0, 50, 50)))
    assert target.boxes.tolist() == [[10, 10, 60, 60]]
    assert len(target.masks) == 1


def test_an_image_without_instances_has_empty_targets():
    pixels, tensors = DetectionAugmentation()(IMAGE, Instances())
    assert pixels.dtype == torch.uint8
    assert len(Target.of(tensors)) == 0
    assert tensors["boxes"].shape == (0, 4)


def test_the_masks_of_5000_instances_take_less_than_a_megabyte():
    boxes = [(3.0 * (number % 100), 4.0 * (number // 100), 2.0, 3.0) for number in range(5000)]
    _, target = apply(Geometry(True, ((240, 320),)), IMAGE.resize((320, 240)), instances(*boxes))
    assert len(target) == 5000
    assert target.masks.pixels.numel() < 1e6  # as whole images they would be 384 MB


def test_photometric_distortion_changes_only_colours():
    ramp = Image.fromarray(torch.arange(256, dtype=torch.uint8).repeat(64, 1).numpy()).convert("RGB")
    found = {}
    for distorted in (False, True):
        augmentation = DetectionAugmentation("resize", hflip=0, short_sides=[64], photometric=distorted)
        reseed(1, 2, 3)
        found[distorted] = [augmentation(ramp, instances((10, 20, 100, 30))) for _ in range(6)]
    changed = [not torch.equal(a[0], b[0]) for a, b in zip(found[False], found[True], strict=True)]
    assert sum(changed) >= 3
    for plain, distorted in zip(found[False], found[True], strict=True):
        assert distorted[0].dtype == torch.uint8
        assert torch.equal(plain[1]["boxes"], distorted[1]["boxes"])
