"""Tar shards from a web server on this machine."""

import os
import shutil
import time

import pytest
import torch

from parcnet.base import UserError
from parcnet.data import EpochSampler, Preprocessing, has_split, open_dataset, train_loader
from parcnet.data.shards import shard_store
from parcnet.data.shards.tar_images import WINDOW

SMALL = Preprocessing((16, 16), (0.5,) * 3, (0.5,) * 3, crop_pct=1.0)

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(shard_store, "_TRIES", 1)


def epoch(dataset, **options):
    settings = {"batch_size": 8, "seed": 1, "epoch": 0, "workers": 0, **options}
    return list(train_loader(dataset, transform=SMALL.transform(), **settings))


def labels_seen(batches):
    return sorted(label for _, labels in batches for label in labels.tolist())


def test_images_are_those_of_the_folder_and_each_shard_is_downloaded_once(folder, tars, serve):
    source = f"wds/{serve(tars)}/"
    plain, images = open_dataset(folder, "train"), open_dataset(source, "train")
    assert all(images.image(i).tobytes() == plain.image(i).tobytes() for i in range(len(plain)))
    shards = [name for name in serve.requested if name.endswith(".tar")]
    assert sorted(shards) == sorted(path.name for path in tars.glob("train-*.tar"))
    again = open_dataset(source, "train")
    again.image(3)
    assert [name for name in serve.requested if name.endswith(".tar")] == shards
    assert has_split(source, "val")
    assert not has_split(source, "test")


@pytest.mark.parametrize("workers", [1, 2])
def test_epochs_are_exact_and_bit_equal_for_any_number_of_workers(tars, serve, workers):
    images = open_dataset(f"wds/{serve(tars)}", "train")
    plain, others = epoch(images), epoch(images, workers=workers)
    assert labels_seen(plain) == [0] * 20 + [1] * 20
    for (first, labels), (second, other_labels) in zip(plain, others, strict=True):
        assert torch.equal(first, second)
        assert torch.equal(labels, other_labels)


@pytest.mark.parametrize("world", [1, 2, 3])
def test_ranks_together_see_every_image_at_most_once(tars, serve, world):
    images = open_dataset(f"wds/{serve(tars)}", "train")
    seen = [
        index
        for rank in range(world)
        for _, index in EpochSampler(len(images), seed=0, epoch=3, rank=rank, world=world, shuffle=images.order)
    ]
    assert len(seen) == len(set(seen)) == 40 // world * world


def test_the_order_needs_few_shards_at_a_time_and_differs_between_epochs(folder, make_pack, serve):
    images = open_dataset(f"wds/{serve(make_pack(folder, 'wds', shard_bytes=3000)[0])}", "train")
    assert len(images._split.shards) > 2 * WINDOW
    orders = []
    for seed in (0, 1):
        order = images.order(torch.Generator().manual_seed(seed)).tolist()
        shard = [int(images._index[index]["shard"]) for index in order]
        first = {each: shard.index(each) for each in shard}
        last = {each: len(shard) - shard[::-1].index(each) for each in shard}
        open_at = [sum(first[each] <= at < last[each] for each in first) for at in range(len(shard))]
        assert max(open_at) <= WINDOW + 1
        orders.append(order)
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(40))
    assert orders[0] != orders[1]


def test_a_folder_has_no_order_of_its_own(tars):
    assert open_dataset(f"wds/{tars}", "train").order(torch.Generator()) is None


def test_the_cache_stays_below_its_limit(tars, serve, monkeypatch, tmp_path):
    largest = max(path.stat().st_size for path in tars.glob("*.tar"))
    monkeypatch.setenv("PARCNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PARCNET_CACHE_GB", str(2.5 * largest / 1e9))
    images = open_dataset(f"wds/{serve(tars)}", "train")
    for index in range(len(images)):
        images.image(index)
        assert sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*.tar")) <= 2.5 * largest


def test_a_shard_that_changed_on_the_server_is_rejected(tars, serve, tmp_path):
    shutil.copytree(tars, tmp_path / "packed")
    for shard in (tmp_path / "packed").glob("train-*.tar"):
        content = bytearray(shard.read_bytes())
        content[600] ^= 1
        shard.write_bytes(content)
    with pytest.raises(UserError, match=r"train-\d+-of-\d+\.tar .* differs from its manifest"):
        epoch(open_dataset(f"wds/{serve(tmp_path / 'packed')}", "train"))


def test_a_lost_connection_is_retried(tars, serve, monkeypatch):
    monkeypatch.setattr(shard_store, "_TRIES", 2)
    monkeypatch.setattr(shard_store.time, "sleep", lambda _: None)
    shard = sorted(path.name for path in tars.glob("train-*.tar"))[0]
    serve.dropped.append(shard)
    plain, images = open_dataset(f"wds/{tars}", "train"), open_dataset(f"wds/{serve(tars)}", "train")
    assert all(images.image(i).tobytes() == plain.image(i).tobytes() for i in range(len(plain)))
    assert serve.requested.count(shard) == 2


def test_a_server_without_the_data_is_named(tmp_path, serve):
    with pytest.raises(UserError, match=r"cannot download http.*/manifest.json: 404"):
        open_dataset(f"wds/{serve(tmp_path)}", "train")


def test_an_unreachable_server_is_named():
    with pytest.raises(UserError, match=r"cannot download http://127.0.0.1:9/manifest.json: .*Check the URL"):
        open_dataset("wds/http://127.0.0.1:9", "train")


def test_a_lost_server_stops_training_with_an_error(tars, serve, tmp_path):
    shutil.copytree(tars, tmp_path / "packed")
    images = open_dataset(f"wds/{serve(tmp_path / 'packed')}", "train")
    for shard in (tmp_path / "packed").glob("*.tar"):
        shard.unlink()
    with pytest.raises(UserError, match=r"cannot download http.*\.tar: 404"):
        epoch(images)


@pytest.mark.parametrize("source", ["wds/ftp://host/x", "wds/file:///etc", "wds/s3://bucket/x"])
def test_other_schemes_are_refused(source):
    with pytest.raises(UserError, match="http:// or https://"):
        open_dataset(source, "train")


def test_a_cache_limit_that_is_not_a_number(monkeypatch):
    monkeypatch.setenv("PARCNET_CACHE_GB", "plenty")
    with pytest.raises(UserError, match="PARCNET_CACHE_GB is 'plenty'"):
        open_dataset("wds/http://127.0.0.1:9", "train")


def test_the_least_recently_used_shard_is_removed_first(tmp_path):
    store = shard_store.WebStore("http://nowhere", tmp_path, 250)
    for age, name in enumerate("cab"):
        path = tmp_path / f"{name}.tar"
        path.write_bytes(b"x" * 100)
        os.utime(path, (time.time() + age, time.time() + age))
    store._make_room(100)
    assert sorted(path.name for path in tmp_path.glob("*.tar")) == ["b.tar"]
