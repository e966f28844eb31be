"""Features: kept in parts, the same however they were made, and worth what their geometry says."""

from dataclasses import replace

import numpy as np
import pytest
import timm
import torch

import parcnet  # noqa: F401 - registers the networks
from parcnet.base import UserError
from parcnet.data import Preprocessing, open_dataset
from parcnet.evaluation.features import (
    Extraction,
    Features,
    extract,
    knn_accuracy,
    linear_probe,
    nearest_images,
    read_features,
)

SEEN = Preprocessing((32, 32), (0.5,), (0.5,), "bilinear", 1.0)


@pytest.fixture(scope="module")
def asked() -> Extraction:
    torch.manual_seed(0)
    network = timm.create_model("parcnetv2_digits", num_classes=10, in_chans=1, img_size=32)
    return Extraction(network, SEEN, open_dataset(None, "val"), {"model": "digits", "split": "val"}, part=50)


@pytest.fixture(scope="module")
def whole(asked, tmp_path_factory) -> Features:
    found = extract(asked, tmp_path_factory.mktemp("whole") / "val.npz")
    assert found is not None
    return found


def made(vectors, labels, classes=("a", "b")) -> Features:
    vectors, labels = np.array(vectors, np.float32), np.array(labels, np.int64)
    where = tuple(f"{place}.png" for place in range(len(labels)))
    return Features(vectors, labels, np.arange(len(labels)), where, {"key": "k", "classes": list(classes)})


def test_they_are_what_the_network_gives_its_classifier(asked, whole):
    image = SEEN.transform()(asked.images.image(17))[None]
    with torch.no_grad():
        pooled = asked.network.eval().forward_head(asked.network.forward_features(image), pre_logits=True)
        torch.testing.assert_close(torch.from_numpy(whole.vectors[17:18]), pooled, rtol=1e-4, atol=1e-5)
    assert whole.labels[17] == asked.images.label(17)
    assert whole.where[17] == asked.images.where(17)
    assert len(whole.vectors) == len(asked.images)


@pytest.mark.parametrize("name", ["again.npz", "parquet"])
def test_files_hold_what_was_computed_and_several_processes_give_the_same(asked, whole, tmp_path, name):
    if name.endswith(".npz"):
        extract(asked, tmp_path / name)
    else:
        assert extract(replace(asked, rank=1, world=2), tmp_path / name) is None
        assert extract(replace(asked, rank=0, world=2), tmp_path / name) is not None
    read = read_features(tmp_path / name)
    np.testing.assert_array_equal(read.vectors, whole.vectors)
    np.testing.assert_array_equal(read.labels, whole.labels)
    np.testing.assert_array_equal(read.indices, np.arange(len(asked.images)))
    assert read.where == whole.where
    assert read.classes == asked.images.classes


@pytest.mark.parametrize("name", ["val.npz", "parquet"])
def test_a_stopped_extraction_goes_on_and_makes_no_part_twice(asked, whole, tmp_path, name):
    class Stop(Exception):
        pass

    done = []

    def stop_in_the_third(count, _):
        done.append(count)
        if sum(done) > 120:
            raise Stop

    with pytest.raises(Stop):
        extract(asked, tmp_path / name, stop_in_the_third)
    told = []
    found = extract(asked, tmp_path / name, lambda count, what: told.append((count, what)))
    assert [each for each in told if each[1] == "done before"] == [(50, "done before")] * 2
    assert sum(count for count, _ in told) == len(asked.images)
    np.testing.assert_array_equal(found.vectors, whole.vectors)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_other_features_are_never_mixed_in_or_overwritten(asked, tmp_path):
    extract(asked, tmp_path / "parquet")
    extract(asked, tmp_path / "val.npz")
    other = replace(asked, about={"model": "digits", "split": "test"})
    with pytest.raises(UserError, match="was made from something else"):
        extract(other, tmp_path / "parquet")
    with pytest.raises(UserError, match="holds something else"):
        extract(other, tmp_path / "val.npz")
    with pytest.raises(UserError, match="holds other features"):
        extract(replace(asked, part=60), tmp_path / "parquet")
    with pytest.raises(UserError, match="choose a folder"):
        extract(replace(asked, world=2), tmp_path / "new.npz")
    next((tmp_path / "parquet").glob("part-00001*")).unlink()
    with pytest.raises(UserError, match="has 3 parts of 00004"):
        read_features(tmp_path / "parquet")
    (tmp_path / "notes.npz").write_text("mine")
    with pytest.raises(UserError, match="cannot be read"):
        read_features(tmp_path / "notes.npz")
    with pytest.raises(UserError, match="holds no features"):
        read_features(tmp_path / "nothing")


def test_images_that_cannot_be_read_are_left_out_and_the_others_keep_their_places(asked, tmp_path):
    from parcnet.data import BadImage

    class Torn:
        classes, name, label, where = asked.images.classes, "torn", asked.images.label, asked.images.where

        def __len__(self):
            return 6

        def image(self, index):
            if index == 2:
                raise BadImage("2.png", "torn")
            return asked.images.image(index)

    found = extract(replace(asked, images=Torn(), max_bad_images=1), tmp_path / "torn.npz")
    assert found.indices.tolist() == [0, 1, 3, 4, 5]
    assert found.labels.tolist() == [asked.images.label(index) for index in (0, 1, 3, 4, 5)]


def test_neighbours_are_by_angle_not_by_length_and_nothing_is_its_own():
    gallery = made([[1, 0], [0, 2], [3, 0.1]], [0, 1, 0])
    positions, cosines = nearest_images(made([[9, 0]], [0]), gallery, 2)
    assert positions.tolist() == [[0, 2]]
    assert cosines[0] == pytest.approx([1.0, 3 / np.hypot(3, 0.1)], abs=1e-6)
    positions, _ = nearest_images(gallery, gallery, 1, leave_out_self=True)
    assert positions[:, 0].tolist() == [2, 2, 0]
    for k in (0, 4):
        with pytest.raises(UserError, match="expected 1 to 3"):
            nearest_images(gallery, gallery, k)


def test_votes_weigh_by_likeness():
    train = made([[1, 0], [0.6, 0.8], [0.6, -0.8]], [0, 1, 1])
    test = made([[1, 0]], [0])
    assert knn_accuracy(train, test, k=3) == 1  # two votes against one, but far
    assert knn_accuracy(train, test, k=3, temperature=100) == 0


def test_a_linear_probe_finds_a_plane_and_says_what_it_cannot_do():
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(80, 5)).astype(np.float32)
    labels = (cloud @ np.array([1, -2, 0, 0, 3]) > 0).astype(int)
    assert linear_probe(made(cloud[:60], labels[:60]), made(cloud[60:], labels[60:])) > 0.9
    with pytest.raises(UserError, match="at least two classes"):
        linear_probe(made(cloud[:3], [0, 0, 0]), made(cloud[:3], [0, 0, 0]))
    with pytest.raises(UserError, match="not the same"):
        linear_probe(made(cloud[:3], [0, 1, 0]), made(cloud[:3], [0, 1, 0], classes=("c", "d")))
