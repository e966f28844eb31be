"""`parcnet eval` and `parcnet predict` for a checkpoint of detection, as people give them."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from parcnet import checkpoint
from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing
from parcnet.tasks.detection import detector_of
from parcnet_cli.main import main

BACKBONE = {"depths": [1, 1, 1, 1], "dims": [8, 12, 16, 24], "img_size": 64}
DETECTOR = {"detector": "mask_rcnn", "short_side": 64, "long_side": 96, "score_threshold": 0.0, "detections": 3}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A folder with an untrained detector that is sure of everything, COCO data and an image."""
    root = tmp_path_factory.mktemp("detection")
    preprocessing = Preprocessing((64, 96), (0.5,) * 3, (0.5,) * 3).to_dict()
    about = Metadata("parcnetv2_digits", BACKBONE, ("cup", "ball"), preprocessing, "cups", task="detection")
    about.task_args.update(DETECTOR)
    torch.manual_seed(0)
    network = detector_of(about)
    torch.nn.init.constant_(network.roi_heads.heads[0].box_predictor.cls_score.bias[1], 9.0)
    checkpoint.save(root / "best.safetensors", network.state_dict(), about)
    (root / "coco" / "val").mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(root / "coco" / "val" / "a.png")
    corners = [[5, 5, 40, 5, 40, 40, 5, 40]]
    own = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 5, 35, 35], "segmentation": corners, "area": 1225}
    content = {
        "images": [{"id": 1, "file_name": "a.png", "height": 60, "width": 90}],
        "annotations": [{**own, "iscrowd": 0}],
        "categories": [{"id": 1, "name": "cup"}, {"id": 2, "name": "ball"}],
    }
    (root / "coco" / "val.json").write_text(json.dumps(content))
    return root


def test_eval_prints_cocos_statistics(found, capsys):
    assert main(["eval", str(found / "best.safetensors"), "--data-dir", str(found / "coco"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["split"], said["images"]) == ("val", 1)
    assert {"box_ap", "mask_ap", "box_ap75", "mask_ar100"} <= said.keys()
    assert main(["eval", str(found / "best.safetensors"), "--data-dir", str(found / "coco")]) == 0
    assert "masks" in capsys.readouterr().out


def test_eval_without_data_says_what_to_give(found, capsys):
    assert main(["eval", str(found / "best.safetensors")]) == 2
    assert "name the images to use with --data-dir DIR" in capsys.readouterr().err


def test_predict_draws_boxes_and_masks_and_names_what_it_cannot_read(found, tmp_path, capsys):
    image, broken = found / "coco" / "val" / "a.png", tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    arguments = ["predict", str(found / "best.safetensors"), str(image), str(broken), "--save", str(tmp_path / "p.png")]
    assert main(arguments) == 1
    told = capsys.readouterr()
    assert "cup" in told.out
    assert "broken.jpg" in told.err
    with Image.open(tmp_path / "p.png") as picture:
        assert picture.size[0] > 300


def test_predict_as_json_has_boxes_in_the_images_pixels_and_masks_as_run_lengths(found, capsys):
    image = found / "coco" / "val" / "a.png"
    assert main(["predict", str(found / "best.safetensors"), str(image), "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert len(told["found"]) == 3
    for each in told["found"]:
        x1, y1, x2, y2 = each["box"]
        assert 0 <= x1 < x2 <= 90.01
        assert 0 <= y1 < y2 <= 60.01
        assert each["mask"]["size"] == [60, 90]


@pytest.mark.slow
def test_an_exported_file_predicts_and_draws_as_its_checkpoint_does(found, tmp_path, capsys):
    image, file = found / "coco" / "val" / "a.png", tmp_path / "net.pt2"
    assert main(["export", str(found / "best.safetensors"), "-o", str(file), "--algorithm", "conv"]) == 0
    assert "of the objects (4 images)" in capsys.readouterr().out
    told = []
    for source in (found / "best.safetensors", file):
        assert main(["predict", str(source), str(image), "--json"]) == 0
        told += json.loads(capsys.readouterr().out)
    wanted, seen = (each["found"] for each in told)
    # an untrained detector scores all regions alike, and rounding says which are left: tests/deploy compares boxes
    assert [each["class"] for each in seen] == [each["class"] for each in wanted]
    assert [each["score"] for each in seen] == pytest.approx([each["score"] for each in wanted], abs=1e-3)
    assert main(["predict", str(file), str(image), "--save", str(tmp_path / "p.png")]) == 0
    assert f"drawn in {tmp_path}/p.png" in " ".join(capsys.readouterr().out.split())
