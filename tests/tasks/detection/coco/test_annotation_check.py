"""Annotations as exporters write them: used, or refused by name before any work."""

import json
import os
import shutil

import numpy as np
import pytest
from pycocotools import mask as oracle

from parcnet.base import UserError
from parcnet.tasks.detection.coco import decode, has_coco_split, open_coco
from parcnet.tasks.detection.coco.annotation_check import run_lengths
from parcnet.tasks.detection.coco.identifiers import identifier

SHAPE = [1, 1, 9, 1, 9, 9, 1, 9]
GOOD = {"id": 1, "image_id": 0, "category_id": 1, "bbox": [1, 1, 8, 8], "area": 64, "iscrowd": 0}
GOOD["segmentation"] = [SHAPE]
RUNS = {"size": [60, 80], "counts": [100, 50, 4650]}

BAD = {
    "bbox of text": ({"bbox": ["1", "1", "8", "8"]}, "four finite numbers"),
    "bbox of NaN": ({"bbox": [float("nan"), 1, 8, 8]}, "four finite numbers"),
    "bbox of infinity": ({"bbox": [1, 1, float("inf"), 8]}, "four finite numbers"),
    "bbox beyond bounds": ({"bbox": [1, 1, 1e8, 8]}, "far outside its image of 80 x 60"),
    "bbox of a huge integer": ({"bbox": [1, 1, 10**400, 8]}, "far outside"),
    "bbox of truth values": ({"bbox": [True, True, True, True]}, "four finite numbers"),
    "bbox missing": ({"bbox": None}, "four finite numbers"),
    "image id nothing": ({"image_id": None}, "has the image_id None is not an id"),
    "category id list": ({"category_id": [1]}, r"has the category_id \[1\] is not an id"),
    "polygon of text": ({"segmentation": [[*map(str, SHAPE)]]}, "expected a flat list of numbers"),
    "polygon of nothing": ({"segmentation": [[*SHAPE, None, None]]}, "expected a flat list of numbers"),
    "polygon of NaN": ({"segmentation": [[float("nan"), *SHAPE[1:]]]}, "not finite or far outside"),
    "polygon beyond bounds": ({"segmentation": [[1e8, *SHAPE[1:]]]}, "not finite or far outside"),
    "polygon of odd length": ({"segmentation": [[*SHAPE, 1]]}, "of 9 numbers; expected x and y"),
    "polygon without end": ({"segmentation": [[1, 1] * 10_001]}, "at most 10000 points"),
    "nested points": ({"segmentation": [[[1, 1], [9, 1], [9, 9]]]}, "expected a flat list of numbers"),
    "points in pairs": ({"segmentation": [[1, 1], [9, 1], [9, 9]]}, r"a polygon of points \[x, y\]"),
    "flat polygon": ({"segmentation": SHAPE}, "neither polygons"),
    "runs without counts": ({"segmentation": {"size": [60, 80]}}, "neither polygons"),
    "runs of another size": (
        {"segmentation": {**RUNS, "size": [80, 60]}},
        r"of size \[80, 60\]; its image is",
    ),
    "runs of too few px": (
        {"segmentation": {**RUNS, "counts": [100, 50]}},
        "lengths of 150 px; its image has 4800",
    ),
    "runs below zero": ({"segmentation": {**RUNS, "counts": [4900, -100]}}, "expected whole numbers from 0"),
    "runs of fractions": ({"segmentation": {**RUNS, "counts": [4799.5, 0.5]}}, "expected whole numbers from 0"),
    "runs of 1e9 px": ({"segmentation": {**RUNS, "counts": [10**9]}}, "run lengths of 1000000000 px"),
    "compressed runs of few px": ({"segmentation": {**RUNS, "counts": "10"}}, "run lengths of 1 px"),
    "damaged compressed runs": ({"segmentation": {**RUNS, "counts": "\u00e9"}}, "damaged run lengths"),
    "unending compressed runs": ({"segmentation": {**RUNS, "counts": "ooo"}}, "damaged run lengths"),
    "iscrowd of text": ({"iscrowd": "yes"}, "has the iscrowd 'yes'; expected 0 or 1"),
    "iscrowd of a list": ({"iscrowd": [0]}, r"has the iscrowd \[0\]; expected 0 or 1"),
    "area of text": ({"area": "64"}, "has the area '64'"),
    "area of NaN": ({"area": float("nan")}, "has the area nan"),
    "area below zero": ({"area": -1}, "has the area -1"),
}


@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD)
def test_an_annotation_that_is_not_finite_bounded_and_consistent_is_refused(make_coco, change, message):
    with pytest.raises(
        UserError, match=r"(?s)train\.json: 1 unusable annotation, 0 allowed:\n  annotation 1.*" + message
    ):
        open_coco(make_coco([{**GOOD, **change}]), "train")


def test_the_file_the_image_and_the_annotation_are_named(make_coco):
    with pytest.raises(UserError, match=r"train\.json:.*\n  annotation 17 of image 0 \(0\.png\) has the area -1"):
        open_coco(make_coco([{**GOOD, "id": 17, "area": -1}]), "train")


def test_bad_annotations_are_left_out_up_to_a_limit(make_coco, capsys):
    root = make_coco([GOOD, *({**GOOD, **change} for change, _ in BAD.values())])
    images = open_coco(root, "train", max_bad=len(BAD))
    assert (len(images.label(0)), len(images.label(0).truth)) == (1, 1)
    assert f"{len(BAD)} unusable annotations left out: annotation 1 of image 0" in capsys.readouterr().err
    with pytest.raises(UserError, match=rf"{len(BAD)} unusable annotations, {len(BAD) - 1} allowed"):
        open_coco(root, "train", max_bad=len(BAD) - 1)


FINE = {
    "iscrowd nothing": {"iscrowd": None},
    "area nothing": {"area": None},
    "ids of text": {"image_id": "0", "category_id": "1"},
    "ids with a point": {"image_id": 0.0, "category_id": 1.0},
    "run lengths": {"segmentation": RUNS},
    "a small second polygon": {"segmentation": [SHAPE, [1, 1, 2, 2]]},
}


@pytest.mark.parametrize("change", FINE.values(), ids=FINE)
def test_what_can_be_meant_is_used_and_scored(make_coco, change):
    from parcnet.tasks.detection.metrics import coco_statistics

    target = open_coco(make_coco([{**GOOD, **change}]), "train").label(0)
    assert len(target) == 1
    assert target.truth[0]["iscrowd"] == 0
    found = [{**target.truth[0], "score": 1.0, "segmentation": RUNS}]
    image = [{"id": 0, "height": 60, "width": 80}]
    assert coco_statistics(image, json.loads(json.dumps(target.truth)), found, "bbox")["ap"] == pytest.approx(1)


@pytest.mark.parametrize("style", [str, lambda number: f"image-{number}", lambda number: f"{number:04d}"])
def test_ids_of_text_on_both_sides_belong_together(make_coco, style):
    root = make_coco([], ((60, 80), (60, 80)))
    content = json.loads((root / "train.json").read_text())
    for image in content["images"]:
        image["id"] = style(image["id"])
    for category in content["categories"]:
        category["id"] = style(category["id"])
    content["annotations"] = [{**GOOD, "image_id": style(1), "category_id": style(7)}]
    (root / "train.json").write_text(json.dumps(content))
    images = open_coco(root, "train")
    assert [len(images.label(index)) for index in (0, 1)] == [0, 1]
    assert [images.classes[number] for number in images.label(1).labels] == ["cup"]
    assert [images.label(index).image_id for index in (0, 1)] == [0, 1]


def test_the_same_id_as_number_and_text_is_there_twice(make_coco):
    entry = {"file_name": "0.png", "height": 60, "width": 80}
    with pytest.raises(UserError, match="two images have the id 1"):
        open_coco(make_coco([], images=[{**entry, "id": 1}, {**entry, "id": "1"}]), "train")


@pytest.mark.parametrize("value", [None, True, 1.5, float("nan"), float("inf"), 10**30, [], {}, ""])
def test_what_is_no_id(value):
    with pytest.raises(ValueError, match="is not an id"):
        identifier(value)


def test_categories_of_one_name_are_one_class(make_coco):
    """One exporter writes the name of the whole again, for its only part."""
    categories = [{"id": 0, "name": "fish"}, {"id": 1, "name": "fish"}, {"id": 2, "name": "crab"}]
    annotations = [{**GOOD, "category_id": number} for number in (0, 1, 2)]
    images = open_coco(make_coco(annotations, categories=categories), "train")
    assert images.classes == ("fish", "crab")
    assert images.label(0).labels == [0, 0, 1]


@pytest.mark.parametrize(
    ("height", "width"), [(10**9, 10**9), (1, 10**9), (float("inf"), 8), (float("nan"), 8), (0, 8)]
)
def test_an_image_beyond_bounds_is_refused(make_coco, height, width):
    entry = {"id": 0, "file_name": "0.png", "height": height, "width": width}
    with pytest.raises(UserError, match=r"image 0 .*px; expected|an image needs"):
        open_coco(make_coco([], images=[entry]), "train")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"images": ' * 50_000, "\ufeff", "nonsense", "[]"])
def test_a_file_that_is_no_json_or_too_deep_is_named(make_coco, text):
    root = make_coco([])
    (root / "train.json").write_text(text)
    with pytest.raises(UserError, match=r"train\.json is not"):
        open_coco(root, "train")


def test_a_pipe_is_not_waited_for(make_coco):
    root = make_coco([])
    (root / "train.json").unlink()
    os.mkfifo(root / "train.json")
    with pytest.raises(UserError, match="no annotations of train"):
        open_coco(root, "train")


@pytest.mark.parametrize(
    ("annotations", "folder"),
    [("valid/_annotations.coco.json", "valid"), ("annotations/instances_validation.json", "images/val")],
)
def test_validation_has_several_names(make_coco, tmp_path, annotations, folder):
    root = make_coco([GOOD])
    (tmp_path / "other" / annotations).parent.mkdir(parents=True)
    shutil.copytree(root / "train", tmp_path / "other" / folder, dirs_exist_ok=True)
    shutil.copy(root / "train.json", tmp_path / "other" / annotations)
    assert has_coco_split(tmp_path / "other", "val")
    assert len(open_coco(tmp_path / "other", "val")) == 1


@pytest.mark.parametrize("density", [0.0, 0.01, 0.5, 1.0])
def test_compressed_run_lengths_are_decoded_as_pycocotools_writes_them(density):
    noise = np.random.default_rng(0)
    for _ in range(20):
        mask = (noise.random((noise.integers(1, 90), noise.integers(1, 90))) < density).astype(np.uint8, order="F")
        runs = run_lengths(oracle.encode(mask)["counts"].decode())
        assert sum(runs) == mask.size
        plain = {"size": list(mask.shape), "counts": runs}
        assert np.array_equal(decode(plain, *mask.shape).numpy(), mask)


def test_the_limit_is_a_field_of_the_recipe_and_a_flag(make_coco):
    from parcnet.recipes import Data, Recipe
    from parcnet.tasks.detection.recipe import DetectionSettings
    from parcnet.tasks.detection.task import TASK

    root = make_coco([GOOD, {**GOOD, "area": -1}])
    shutil.copytree(root / "train", root / "val")
    shutil.copy(root / "train.json", root / "val.json")
    recipe = Recipe(task="detection", data=Data(data_dir=str(root)))
    with pytest.raises(UserError, match="--max-bad-annotations"):
        TASK.open_splits(recipe)
    splits = TASK.open_splits(
        Recipe(task="detection", data=recipe.data, settings=DetectionSettings(max_bad_annotations=1))
    )
    assert (len(splits.train.label(0)), len(splits.val.label(0))) == (1, 1)
