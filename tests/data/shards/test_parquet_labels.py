"""Parquet files of other people: other label names in each file, other columns."""

import io
import os

import datasets
import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from parcnet.base import UserError
from parcnet.data import open_dataset
from parcnet.data.shards.parquet_shards import write_parquet


@pytest.fixture(scope="module", autouse=True)
def _datasets_cache(tmp_path_factory):
    datasets.config.HF_DATASETS_CACHE = tmp_path_factory.mktemp("hf")
    datasets.disable_progress_bars()


@pytest.fixture(scope="module")
def png() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (8, 8)).save(content, "PNG")
    return content.getvalue()


@pytest.fixture
def write(tmp_path, png):
    """write("train-0", ("cat", "dog"), (0, 1)) -> a file of images with these labels; returns the folder's address."""

    def make(stem: str, names: tuple[str, ...], labels: tuple[int, ...]) -> str:
        (tmp_path / "data").mkdir(exist_ok=True)
        write_parquet(tmp_path / "data" / f"{stem}.parquet", [(f"{n}.png", png, n) for n in labels], names)
        return f"hfds/{tmp_path}"

    return make


def labels(images):
    return [images.label(index) for index in range(len(images))]


def test_labels_are_mapped_by_the_names_in_each_files_schema(write):
    write("train-0", ("ant", "bee", "cat"), (0, 1, 2))
    write("train-1", ("cat", "bee"), (0, 1))
    root = write("val-0", ("ant", "cat"), (0, 1, 1))
    train, val = open_dataset(root, "train"), open_dataset(root, "val")
    assert train.classes == val.classes == ("ant", "bee", "cat")
    assert (labels(train), labels(val)) == ([0, 1, 2, 2, 1], [0, 2, 2])
    assert labels(open_dataset(root, "val", ("cat", "dog", "ant"))) == [2, 0, 0]


def test_a_class_that_training_lacks_is_named_if_it_has_images(write):
    write("train-0", ("ant", "bee"), (0, 1))
    root = write("val-0", ("ant", "wasp"), (0, 1))
    with pytest.raises(UserError, match=r"val-0\.parquet has classes that training does not have: wasp"):
        open_dataset(root, "val")
    assert labels(open_dataset(write("val-0", ("ant", "wasp"), (0,)), "val")) == [0]


def test_a_number_without_a_name_is_an_error(write):
    root = write("train-0", ("ant", "bee"), (0, 5))
    with pytest.raises(UserError, match="has labels 0 to 5"):
        open_dataset(root, "train")


@pytest.mark.parametrize("columns", [("img", "label"), ("image", "fine_label"), ("image", "labels"), ("img", "labels")])
def test_other_columns_are_listed(tmp_path, png, columns):
    features = datasets.Features({columns[0]: datasets.Image(), columns[1]: datasets.ClassLabel(names=["a", "b"])})
    rows = {columns[0]: [{"bytes": png, "path": None}] * 2, columns[1]: [0, 1]}
    datasets.Dataset.from_dict(rows, features).to_parquet(tmp_path / "train-0.parquet")
    with pytest.raises(
        UserError, match=rf"no column .*; it has {columns[0]}, {columns[1]}: expected the columns image"
    ):
        open_dataset(f"hfds/{tmp_path}", "train")


@pytest.mark.parametrize(
    ("image", "label", "message"),
    [
        (["a.png"], [0], "column image is of type string; expected a struct of bytes and path"),
        ([{"bytes": b"", "path": "a"}], ["cat"], "column label is of type string; expected whole numbers"),
    ],
)
def test_columns_of_other_types_are_named(tmp_path, image, label, message):
    parquet.write_table(pyarrow.table({"image": image, "label": label}), tmp_path / "train-0.parquet")
    with pytest.raises(UserError, match=message):
        open_dataset(f"hfds/{tmp_path}", "train")


def test_a_pipe_instead_of_a_file_is_refused_at_once(tmp_path):
    (tmp_path / "data").mkdir()
    os.mkfifo(tmp_path / "data" / "train-0.parquet")
    with pytest.raises(UserError, match="parquet"):
        open_dataset(f"hfds/{tmp_path}", "train")


def test_training_and_validation_agree_on_labels_whatever_their_files_say(write):
    from parcnet.tasks.classification.data import open_splits

    write("train-0", ("bee", "ant"), (0, 1))
    splits = open_splits(write("val-0", ("ant", "bee"), (0, 1)))
    assert np.array_equal(labels(splits.val), [1, 0])
