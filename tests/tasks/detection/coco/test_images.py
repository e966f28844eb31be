"""Reading of COCO JSON files, valid and invalid."""

import pickle
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as oracle

from parcnet.base import UserError
from parcnet.data import BadImage
from parcnet.data.fingerprint import differs, fingerprint
from parcnet.tasks.detection.coco import decode, encode, has_coco_split, open_coco


def rectangle(number, image, box, category=1, **fields):
    """An annotation of a rectangle whose polygon equals the box."""
    x, y, width, height = box
    shape = [[x, y, x + width, y, x + width, y + height, x, y + height]]
    own = {"id": number, "image_id": image, "category_id": category, "bbox": list(box), "area": width * height}
    return {**own, "iscrowd": 0, "segmentation": shape, **fields}


def test_labels_are_in_the_order_of_category_ids_and_boxes_are_corners(make_coco):
    images = open_coco(make_coco([rectangle(1, 0, (10, 20, 30, 15), 7), rectangle(2, 0, (0, 0, 5, 5), 1)]), "train")
    assert images.classes == ("ball", "cup")
    target = images.label(0)
    assert target.boxes == [(10, 20, 40, 35), (0, 0, 5, 5)]
    assert target.labels == [1, 0]
    assert images.image(0).size == (80, 60)


def test_crowds_are_evaluated_but_not_trained_on(make_coco):
    runs = {"size": [60, 80], "counts": [100, 50, 4650]}
    crowd = rectangle(2, 0, (1, 1, 20, 20), segmentation=runs, iscrowd=1)
    target = open_coco(make_coco([rectangle(1, 0, (10, 20, 30, 15)), crowd]), "train").label(0)
    assert len(target) == 1
    assert [entry["iscrowd"] for entry in target.truth] == [0, 1]


def test_boxes_are_clipped_and_invalid_instances_left_out_and_counted(make_coco, capsys):
    wrong = [
        rectangle(1, 0, (-10, 5, 30, 20)),
        rectangle(2, 0, (70, 50, 40, 40)),
        rectangle(3, 0, (200, 10, 30, 30)),
        rectangle(4, 0, (5, 5, 0, 10)),
        rectangle(5, 0, (5, 5, 10, 10), segmentation=[]),
        rectangle(6, 0, (5, 5, 10, 10)),
    ]
    target = open_coco(make_coco(wrong), "train").label(0)
    assert target.boxes == [(0, 5, 20, 25), (70, 50, 80, 60), (5, 5, 15, 15)]
    assert len(target.truth) == 6
    warning = " ".join(capsys.readouterr().err.split())
    for part in ("2 extending beyond their image (clipped)", "1 outside their image", "1 with a box without area"):
        assert part in warning
    assert "1 without a mask" in warning


def test_images_without_instances_are_left_out_on_request(make_coco):
    root = make_coco([rectangle(1, 1, (1, 1, 9, 9))], ((60, 80), (60, 80), (50, 40)))
    assert len(open_coco(root, "train")) == 3
    assert [open_coco(root, "train", skip_empty=True).label(0).image_id] == [1]
    assert len(open_coco(root, "train").label(2)) == 0


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (rectangle(1, 5, (1, 1, 9, 9)), "annotation 1 refers to image 5, which is not in the file"),
        (
            rectangle(1, 0, (1, 1, 9, 9), 99),
            "refers to category 99; expected one of the ids 1, 7",
        ),
        (rectangle(1, 0, (1, 1, 9, 9), bbox=[1, 2, 3]), "expected four finite numbers"),
        (rectangle(1, 0, (1, 1, 9, 9), bbox=[1, 2, 3, None]), "expected four finite numbers"),
        (rectangle(1, 0, (1, 1, 9, 9), segmentation="all"), "neither polygons"),
        ({"id": 3}, "annotation 3 needs image_id, category_id and bbox"),
        (rectangle(1, 0, (1, 1, 9, 9), segmentation=[]), "none of 1 annotations has a segmentation"),
    ],
)
def test_an_invalid_annotation_is_reported(make_coco, annotation, message):
    with pytest.raises(UserError, match=message):
        open_coco(make_coco([annotation]), "train")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"annotations": None}, "it has no list of annotations"),
        ({"categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}, "two categories have the id 1"),
        ({"categories": []}, "has no categories"),
        ({"images": []}, "has no images"),
        ({"images": [{"id": 0, "file_name": "0.png"}]}, "an image needs id, file_name, height and width"),
        ({"images": [{"id": 0, "file_name": "lost.png", "height": 60, "width": 80}]}, "are not in .*lost.png first"),
    ],
)
def test_an_invalid_file_is_reported(make_coco, changes, message):
    with pytest.raises(UserError, match=message):
        open_coco(make_coco([], **changes), "train")


def test_an_image_of_another_size_than_its_annotations_is_a_bad_image(make_coco):
    other = [{"id": 0, "file_name": "0.png", "height": 80, "width": 60}]
    images = open_coco(make_coco([rectangle(1, 0, (1, 1, 9, 9))], images=other), "train")
    with pytest.raises(BadImage, match="80 x 60 px, but its annotations are for 60 x 80"):
        images.image(0)


def test_classes_are_matched_by_name_and_unknown_ones_refused(make_coco):
    root = make_coco([rectangle(1, 0, (1, 1, 9, 9), 7)])
    assert open_coco(root, "train", ("cup", "saucer", "ball")).label(0).labels == [0]
    with pytest.raises(UserError, match="categories that are not among the classes: ball"):
        open_coco(root, "train", ("cup",))


@pytest.mark.parametrize(
    ("annotations", "folder"),
    [
        ("annotations/instances_val2017.json", "val2017"),
        ("annotations/instances_val.json", "images"),
        ("annotations/val.json", "images/val"),
        ("val/_annotations.coco.json", "val"),
    ],
)
def test_common_folder_layouts_are_supported(make_coco, tmp_path, annotations, folder):
    root = make_coco([rectangle(1, 0, (1, 1, 9, 9))])
    (tmp_path / "other" / annotations).parent.mkdir(parents=True)
    shutil.copytree(root / "train", tmp_path / "other" / folder, dirs_exist_ok=True)
    shutil.copy(root / "train.json", tmp_path / "other" / annotations)
    assert has_coco_split(tmp_path / "other", "val")
    assert not has_coco_split(tmp_path / "other", "test")
    assert len(open_coco(tmp_path / "other", "val")) == 1
    with pytest.raises(UserError, match="has no annotations of train"):
        open_coco(tmp_path / "other", "train")


def test_pickled_images_are_equal(make_coco):
    images = open_coco(
        make_coco([rectangle(1, 0, (1, 1, 9, 9)), rectangle(2, 1, (2, 2, 9, 9))], ((60, 80),) * 2), "train"
    )
    again = pickle.loads(pickle.dumps(images))
    assert [again.label(index) for index in (0, 1)] == [images.label(index) for index in (0, 1)]


# pycocotools, the oracle, lacks numpy 2's `copy` argument of __array__
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("form", ["polygon", "uncompressed", "compressed"])
def test_masks_equal_those_of_pycocotools(form):
    shape = [[10.0, 5, 40, 12, 30, 45, 12, 38], [50, 50, 60, 50, 55, 58]]
    runs = oracle.merge(oracle.frPyObjects(shape, 60, 80))
    expected = oracle.decode(runs)
    if form == "compressed":
        segmentation = {"size": [60, 80], "counts": runs["counts"].decode()}
    elif form == "uncompressed":
        flat = expected.flatten(order="F")
        edges = np.flatnonzero(np.diff(flat)) + 1
        segmentation = {"size": [60, 80], "counts": np.diff([0, *edges, flat.size]).tolist()}
    else:
        segmentation = shape
    assert (decode(segmentation, 60, 80).numpy() == expected).all()
    assert (oracle.decode(encode(expected)) == expected).all()
    with pytest.raises(ValueError, match=r"run lengths|polygons"):
        decode({"size": [5, 5], "counts": [25]}, 60, 80)


def test_upright_images_share_batches(make_coco):
    sizes = tuple((60, 40) if number % 3 else (40, 60) for number in range(20))
    annotations = [rectangle(number + 1, number, (1, 1, 9, 9)) for number in range(20)]
    images = open_coco(make_coco(annotations, sizes), "train", group=4)
    orders = [images.order(torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])
    for order in orders:
        assert sorted(order.tolist()) == list(range(20))
        whole = [{number % 3 == 0 for number in part.tolist()} for part in order[:16].split(4)]
        assert all(len(kinds) == 1 for kinds in whole)


def test_truncated_json_is_reported(make_coco):
    root = make_coco([])
    text = (root / "train.json").read_text()
    (root / "train.json").write_text(text[: len(text) // 2])
    with pytest.raises(UserError, match="is not JSON"):
        open_coco(root, "train")


def test_other_annotations_and_other_pixels_have_other_fingerprints(make_coco):
    def found(*boxes, pixels=False):
        entries = [rectangle(1, 0, box, 7) for box in boxes]
        root = make_coco(entries)
        if pixels:
            Image.new("RGB", (80, 60)).save(root / "train" / "0.png")
        return fingerprint(open_coco(root, "train"))

    one = found([1, 2, 30, 40])
    assert differs(one, found([1, 2, 30, 40])) is None
    assert differs(one, found([1, 2, 30, 41])) == "labels or contents of its images"
    assert differs(one, found([1, 2, 30, 40], pixels=True)) == "labels or contents of its images"
