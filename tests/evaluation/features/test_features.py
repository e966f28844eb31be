"""Feature extraction in parts and processes, feature files, nearest neighbours, linear probe."""

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

PREPROCESSING = Preprocessing((32, 32), (0.5,), (0.5,), "bilinear", 1.0)


@pytest.fixture(scope="module")
def extraction() -> Extraction:
    torch.manual_seed(0)
    network = timm.create_model("parcnetv2_digits", num_classes=10, in_chans=1, img_size=32)
    return Extraction(
        network, PREPROCESSING, open_dataset(None, "val"), {"model": "digits", "split": "val"}, part_size=50
    )


@pytest.fixture(scope="module")
def whole(extraction, tmp_path_factory) -> Features:
    found = extract(extraction, tmp_path_factory.mktemp("whole") / "val.npz")
    assert found is not None
    return found


def made(vectors, labels, classes=("a", "b")) -> Features:
    vectors, labels = np.array(vectors, np.float32), np.array(labels, np.int64)
    where = tuple(f"{index}.png" for index in range(len(labels)))
    return Features(vectors, labels, np.arange(len(labels)), where, {"key": "k", "classes": list(classes)})


def test_features_are_the_classifiers_input(extraction, whole):
    image = PREPROCESSING.transform()(extraction.images.image(17))[None]
    with torch.no_grad():
        pooled = extraction.network.eval().forward_head(extraction.network.forward_features(image), pre_logits=True)
        torch.testing.assert_close(torch.from_numpy(whole.vectors[17:18]), pooled, rtol=1e-4, atol=1e-5)
    assert whole.labels[17] == extraction.images.label(17)
    assert whole.where[17] == extraction.images.where(17)
    assert len(whole.vectors) == len(extraction.images)


@pytest.mark.parametrize("name", ["again.npz", "parquet"])
def test_files_round_trip_and_two_processes_give_the_same_features(extraction, whole, tmp_path, name):
    if name.endswith(".npz"):
        extract(extraction, tmp_path / name)
    else:
        assert extract(replace(extraction, rank=1, world_size=2), tmp_path / name) is None
        assert extract(replace(extraction, rank=0, world_size=2), tmp_path / name) is not None
    read = read_features(tmp_path / name)
    np.testing.assert_array_equal(read.vectors, whole.vectors)
    np.testing.assert_array_equal(read.labels, whole.labels)
    np.testing.assert_array_equal(read.indices, np.arange(len(extraction.images)))
    assert read.where == whole.where
    assert read.classes == extraction.images.classes


@pytest.mark.parametrize("name", ["val.npz", "parquet"])
def test_a_stopped_extraction_resumes_and_keeps_finished_parts(extraction, whole, tmp_path, name):
    class Stop(Exception):
        pass

    done = []

    def stop_in_the_third(count, _):
        done.append(count)
        if sum(done) > 120:
            raise Stop

    with pytest.raises(Stop):
        extract(extraction, tmp_path / name, stop_in_the_third)
    reported = []
    found = extract(extraction, tmp_path / name, lambda count, what: reported.append((count, what)))
    assert [each for each in reported if each[1] == "already extracted"] == [(50, "already extracted")] * 2
    assert sum(count for count, _ in reported) == len(extraction.images)
    np.testing.assert_array_equal(found.vectors, whole.vectors)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_other_features_are_neither_mixed_in_nor_overwritten(extraction, tmp_path):
    extract(extraction, tmp_path / "parquet")
    extract(extraction, tmp_path / "val.npz")
    other = replace(extraction, about={"model": "digits", "split": "test"})
    with pytest.raises(UserError, match="is from another network or data set"):
        extract(other, tmp_path / "parquet")
    with pytest.raises(UserError, match="holds other data"):
        extract(other, tmp_path / "val.npz")
    with pytest.raises(UserError, match="holds other features"):
        extract(replace(extraction, part_size=60), tmp_path / "parquet")
    with pytest.raises(UserError, match="choose a folder"):
        extract(replace(extraction, world_size=2), tmp_path / "new.npz")
    next((tmp_path / "parquet").glob("part-00001*")).unlink()
    with pytest.raises(UserError, match="has 3 parts of 00004"):
        read_features(tmp_path / "parquet")
    (tmp_path / "notes.npz").write_text("mine")
    with pytest.raises(UserError, match="cannot be read"):
        read_features(tmp_path / "notes.npz")
    with pytest.raises(UserError, match="holds no features"):
        read_features(tmp_path / "nothing")


def test_unreadable_images_are_left_out_and_the_others_keep_their_indices(extraction, tmp_path):
    from parcnet.data import BadImage

    class Torn:
        classes, name, label, where = (
            extraction.images.classes,
            "torn",
            extraction.images.label,
            extraction.images.where,
        )

        def __len__(self):
            return 6

        def image(self, index):
            if index == 2:
                raise BadImage("2.png", "torn")
            return extraction.images.image(index)

    found = extract(replace(extraction, images=Torn(), max_bad_images=1), tmp_path / "torn.npz")
    assert found.indices.tolist() == [0, 1, 3, 4, 5]
    assert found.labels.tolist() == [extraction.images.label(index) for index in (0, 1, 3, 4, 5)]


def test_neighbours_are_ranked_by_angle_and_exclude_the_image_itself():
    gallery = made([[1, 0], [0, 2], [3, 0.1]], [0, 1, 0])
    neighbours, cosines = nearest_images(made([[9, 0]], [0]), gallery, 2)
    assert neighbours.tolist() == [[0, 2]]
    assert cosines[0] == pytest.approx([1.0, 3 / np.hypot(3, 0.1)], abs=1e-6)
    neighbours, _ = nearest_images(gallery, gallery, 1, leave_out_self=True)
    assert neighbours[:, 0].tolist() == [2, 2, 0]
    for k in (0, 4):
        with pytest.raises(UserError, match="expected 1 to 3"):
            nearest_images(gallery, gallery, k)


def test_knn_votes_are_weighted_by_similarity():
    train = made([[1, 0], [0.6, 0.8], [0.6, -0.8]], [0, 1, 1])
    test = made([[1, 0]], [0])
    assert knn_accuracy(train, test, k=3) == 1  # two votes against one, but far
    assert knn_accuracy(train, test, k=3, temperature=100) == 0


def test_a_linear_probe_finds_a_hyperplane_and_refuses_what_it_cannot_fit():
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(80, 5)).astype(np.float32)
    labels = (cloud @ np.array([1, -2, 0, 0, 3]) > 0).astype(int)
    assert linear_probe(made(cloud[:60], labels[:60]), made(cloud[60:], labels[60:])) > 0.9
    with pytest.raises(UserError, match="at least two"):
        linear_probe(made(cloud[:3], [0, 0, 0]), made(cloud[:3], [0, 0, 0]))
    with pytest.raises(UserError, match="different classes"):
        linear_probe(made(cloud[:3], [0, 1, 0]), made(cloud[:3], [0, 1, 0], classes=("c", "d")))
