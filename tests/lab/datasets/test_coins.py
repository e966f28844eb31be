"""The coins as COCO data: every coin whole, in one fold, and never in what is learned when it is tested."""

import json

import numpy as np
import pytest

from parcnet.base import UserError
from parcnet.tasks.detection.coco import open_coco
from parcnet_lab.bench import coin_folds
from parcnet_lab.datasets.coins import COPIES, FOLDS, make_coco, strips

pytest.importorskip("skimage", reason="the photograph of coins comes with scikit-image: not checked without")


def test_each_row_has_six_whole_coins():
    rows = strips()
    assert len(rows) == FOLDS
    for row in rows:
        labels = np.unique(row.labels[row.labels > 0])
        assert len(labels) == 6
        assert not row.labels[0].any()
        assert not row.labels[-1].any()


@pytest.mark.parametrize("fold", range(FOLDS))
def test_the_row_held_out_is_never_learned_from(fold, tmp_path):
    assert make_coco(tmp_path, fold) == {"train": 18, "val": 6, "test": 6}
    files = {
        split: {image["file_name"] for image in json.loads((tmp_path / f"{split}.json").read_text())["images"]}
        for split in ("train", "val", "test")
    }
    assert files["test"] == {f"row{fold}.png"}
    assert not files["test"] & files["train"]
    assert files["val"] < files["train"]
    train = open_coco(tmp_path, "train")
    assert len(train) == 3 * COPIES
    assert all(len(train.label(index)) == 6 for index in range(len(train)))
    assert open_coco(tmp_path, "test", train.classes).classes == ("coin",)


def test_a_fold_that_is_there_already_is_not_overwritten(tmp_path):
    (tmp_path / "fold1").mkdir()
    with pytest.raises(UserError, match="fold1 exists already"):
        coin_folds.measure([0, 1], "coins_mask_rcnn", tmp_path, None, None, lambda *_: None)
    with pytest.raises(UserError, match="fold is 4; expected 0 to 3"):
        make_coco(tmp_path, 4)
