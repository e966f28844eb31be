"""The folder of real images that `parcnet bench finetune` trains on."""

import pytest

from parcnet_lab.datasets.tiled_photographs import SOURCES, TILE, make_folder

pytest.importorskip("skimage")


def test_every_photograph_gives_tiles_to_every_split(tmp_path):
    counts = make_folder(tmp_path)
    for split, count in counts.items():
        files = list((tmp_path / split).rglob("*.png"))
        assert len(files) == count
        assert {file.parent.name for file in files} == set(SOURCES)
    assert counts["train"] > counts["val"] > 0


def test_no_pixel_is_in_two_splits(tmp_path):
    from PIL import Image

    make_folder(tmp_path)
    for name in SOURCES:
        numbers = [file.stem for split in ("train", "val", "test") for file in (tmp_path / split / name).iterdir()]
        assert len(numbers) == len(set(numbers))  # a number is a place on the grid
    with Image.open(next((tmp_path / "test" / "cat").iterdir())) as image:
        assert image.size == (TILE, TILE)
        assert image.mode == "RGB"
