"""`parcnet features` and `parcnet probe`."""

import json

from PIL import Image


def test_features_of_two_splits_classify_and_show_neighbours(parcnet, trained, tmp_path):
    for split in ("train", "val"):
        result = parcnet("features", trained, "--split", split, "-o", tmp_path / f"{split}.npz", "--device", "cpu")
        assert result.code == 0
    assert "180 images x " in result.out
    assert "parcnet probe" in result.out
    picture = tmp_path / "neighbours.png"
    found = parcnet("probe", tmp_path / "train.npz", tmp_path / "val.npz", "--json", "--picture", picture)
    assert found.code == 0
    figures = json.loads(found.out)
    assert figures["linear classifier"] > 0.8
    assert figures["20 nearest neighbours"] > 0.7
    with Image.open(picture) as drawn:
        assert drawn.size[0] > 500


def test_user_errors_are_raised_before_the_work(parcnet, trained, tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot write" in parcnet("features", trained, "-o", tmp_path / "file" / "x.npz").err
    assert "holds no features" in parcnet("probe", tmp_path / "none", tmp_path / "none").err
    assert "--picture" in parcnet("probe", tmp_path / "a", tmp_path / "b", "--picture", "p.exe").err
