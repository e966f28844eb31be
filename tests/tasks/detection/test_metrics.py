"""COCO's metric against pycocotools, on correct, wrong, shifted and duplicate detections."""

from contextlib import redirect_stdout
from io import StringIO

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from parcnet.base import UserError
from parcnet.tasks.detection.coco import Instances, encode
from parcnet.tasks.detection.metrics import STATISTICS, coco_statistics, evaluate_detection, results
from parcnet.tasks.reduction import OneProcess

HEIGHT, WIDTH = 120, 160


def blob(generator, size):
    """(box x y w h, mask) of an ellipse."""
    x, y = generator.uniform(0, WIDTH - size), generator.uniform(0, HEIGHT - size)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    radius = size / 2
    mask = (((rows - y - radius) / radius) ** 2 + ((columns - x - radius) / radius) ** 2 <= 1).astype(np.uint8)
    return [x, y, float(size), float(size)], mask


def scene(seed, images=6):
    """(images, truth, detections) with crowds, all three sizes, duplicates and confused classes."""
    generator = np.random.default_rng(seed)
    truth, found = [], []
    for image in range(images):
        for number in range(generator.integers(1, 7)):
            box, mask = blob(generator, generator.choice([12, 40, 110]))
            category = int(generator.integers(0, 3))
            crowd = int(number == 4)
            area = int(mask.sum())
            own = {"id": len(truth) + 1, "image_id": image, "category_id": category, "area": area, "iscrowd": crowd}
            truth.append({**own, "bbox": box, "segmentation": encode(mask)})
            for _ in range(generator.integers(0, 3)):
                shift = generator.normal(0, 2, 2)
                moved = np.roll(mask, shift.round().astype(int), (1, 0))
                predicted = category if generator.uniform() < 0.8 else int(generator.integers(0, 3))
                score = float(generator.uniform())
                moved_box = [box[0] + shift[0], box[1] + shift[1], box[2] * generator.uniform(0.9, 1.1), box[3]]
                detection = {"image_id": image, "category_id": predicted, "score": score, "bbox": moved_box}
                found.append({**detection, "segmentation": encode(moved)})
    return [{"id": image, "height": HEIGHT, "width": WIDTH} for image in range(images)], truth, found


def oracle(images, truth, found, kind):
    part = "bbox" if kind == "bbox" else "segmentation"
    own = [{key: each[key] for key in ("image_id", "category_id", "score", part)} for each in found]
    with redirect_stdout(StringIO()):
        known = COCO()
        known.dataset = {
            "images": images,
            "annotations": truth,
            "categories": [{"id": n} for n in range(3)],
            "info": {},
        }
        known.createIndex()
        metric = COCOeval(known, known.loadRes(own), kind)
        metric.evaluate()
        metric.accumulate()
        metric.summarize()
    return dict(zip(STATISTICS, metric.stats.tolist(), strict=True))


@pytest.mark.parametrize("kind", ["bbox", "segm"])
@pytest.mark.parametrize("seed", [0, 1])
def test_all_twelve_statistics_equal_those_of_pycocotools(kind, seed):
    images, truth, found = scene(seed)
    expected = oracle(images, truth, found, kind)
    assert coco_statistics(images, truth, found, kind) == pytest.approx(expected, abs=1e-12)
    assert 0 < expected["ap"] < 1
    assert len(set(expected.values())) > 6


def perfect(target):
    """The ground truth as a detection."""
    masks = torch.stack([torch.from_numpy(np.ascontiguousarray(mask)) for mask in target["masks"]])
    x, y, width, height = torch.tensor(target["boxes"]).unbind(1)
    boxes = torch.stack([x, y, x + width, y + height], 1)
    return {"boxes": boxes, "labels": torch.tensor(target["labels"]), "scores": torch.ones(len(boxes)), "masks": masks}


def test_a_perfect_detector_has_ap_1_and_an_empty_one_0():
    generator = np.random.default_rng(0)
    boxes, masks = zip(*(blob(generator, 40) for _ in range(3)), strict=True)
    target = {"boxes": list(boxes), "labels": [0, 1, 1], "masks": [mask[None].astype(np.float32) for mask in masks]}
    truth = [
        {"category_id": label, "image_id": 9, "bbox": box, "segmentation": encode(mask)}
        for label, box, mask in zip(target["labels"], boxes, masks, strict=True)
    ]
    batch = [([torch.zeros(3, HEIGHT, WIDTH)], [Instances(image_id=9, truth=truth)])]
    right = evaluate_detection(lambda _: [perfect(target)], batch)
    assert right.count == 1
    assert (right.boxes["ap"], right.masks["ap"]) == pytest.approx((1, 1))
    empty = {name: value[:0] for name, value in perfect(target).items()}
    nothing = evaluate_detection(lambda _: [empty], batch)
    assert nothing.metrics()["box_ap"] == nothing.metrics()["mask_ap"] == 0


def test_a_split_without_instances_has_no_statistics():
    batch = [([torch.zeros(3, 9, 9)], [Instances()])]
    empty = {
        "boxes": torch.zeros(0, 4),
        "labels": torch.zeros(0),
        "scores": torch.zeros(0),
        "masks": torch.zeros(0, 1, 9, 9),
    }
    result = evaluate_detection(lambda _: [empty], batch)
    assert result.boxes == {}
    assert result.metrics() == {"box_ap": 0.0, "mask_ap": 0.0}
    with pytest.raises(UserError, match="no image to evaluate"):
        evaluate_detection(lambda _: [], [])


def test_several_processes_return_the_metrics_of_the_whole_split():
    """Each of two processes evaluates every second image; detections are gathered."""
    images, truth, found = scene(3)
    whole = coco_statistics(images, truth, found, "bbox")
    sent = []

    class Gathering(OneProcess):
        """The reduction of a process that also receives the detections of `others`."""

        def __init__(self, others):
            self.others = others

        def gathered(self, content):
            sent.append(content)
            return [content, *self.others]

    def part(rank, reduction):
        mine = range(rank, len(images), 2)
        batches = [
            ([torch.zeros(3, HEIGHT, WIDTH)], [Instances(image_id=n, truth=[t for t in truth if t["image_id"] == n])])
            for n in mine
        ]
        numbers = iter(mine)

        def predict(_):
            number = next(numbers)
            own = [each for each in found if each["image_id"] == number]
            boxes = torch.tensor([each["bbox"] for each in own]).view(-1, 4)
            boxes[:, 2:] += boxes[:, :2]
            labels = torch.tensor([each["category_id"] for each in own], dtype=torch.int64)
            scores = torch.tensor([each["score"] for each in own])
            return [
                {"boxes": boxes, "labels": labels, "scores": scores, "masks": torch.ones(len(own), 1, HEIGHT, WIDTH)}
            ]

        return evaluate_detection(predict, batches, reduction)

    part(1, Gathering([]))
    both = part(0, Gathering(sent[:1]))
    assert both.count == len(images)
    assert both.boxes == pytest.approx(whole, abs=1e-4)


def test_results_have_cocos_format():
    masks = torch.zeros(1, 1, 4, 6)
    masks[0, 0, 1:3, 2:5] = 0.9
    boxes, labels = torch.tensor([[2.0, 1, 5, 3]]), torch.tensor([4])
    detection = {"boxes": boxes, "labels": labels, "scores": torch.tensor([0.5]), "masks": masks}
    (row,) = results(7, detection)
    assert (row["image_id"], row["category_id"], row["bbox"], row["score"]) == (7, 4, [2, 1, 3, 2], 0.5)
    assert row["segmentation"]["size"] == [4, 6]


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_a_detector_without_any_detection_leaves_out_the_sizes_that_no_instance_has(kind):
    images = [{"id": 1, "height": 200, "width": 200}]
    box = [10.0, 20.0, 50.0, 40.0]
    shape = [[10, 20, 60, 20, 60, 60, 10, 60]]
    truth = [{"image_id": 1, "category_id": 0, "bbox": box, "area": 2000.0, "segmentation": shape}]
    found = coco_statistics(images, truth, [], kind)
    missed = [{"image_id": 1, "category_id": 0, "bbox": [190, 190, 5, 5], "score": 0.3, "segmentation": corner()}]
    assert found == coco_statistics(images, truth, missed, kind)
    assert found == dict.fromkeys((name for name in STATISTICS if not name.endswith(("small", "large"))), 0.0)
    assert coco_statistics(images, [{**truth[0], "iscrowd": 1, "segmentation": corner()}], [], kind) == {}


def corner():
    mask = np.zeros((200, 200), np.uint8)
    mask[190:195, 190:195] = 1
    return encode(mask)
