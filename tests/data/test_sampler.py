import pytest

from parcnet.data import EpochSampler


def order(length=100, **options):
    return list(EpochSampler(length, **{"seed": 3, "epoch": 5, **options}))


def test_every_image_once_and_shuffled():
    found = order()
    assert sorted(found) == [(5, index) for index in range(100)]
    assert found != sorted(found)


def test_the_order_depends_on_seed_and_epoch_alone():
    assert order() == order()
    orders = {tuple(index for _, index in order(seed=seed, epoch=epoch)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


@pytest.mark.parametrize("world", [2, 3, 7])
def test_ranks_share_the_epoch_without_overlap_and_equally(world):
    whole = order()
    ranks = [order(rank=rank, world=world) for rank in range(world)]
    assert {len(rank) for rank in ranks} == {100 // world}
    # rank by rank, step by step, they walk the permutation of one process
    assert [key for step in zip(*ranks, strict=True) for key in step] == whole[: 100 // world * world]


@pytest.mark.parametrize("start", [0, 1, 40, 50, 60])
def test_a_start_skips_exactly_so_many(start):
    sampler = EpochSampler(100, seed=3, epoch=5, rank=1, world=2, start=start)
    assert list(sampler) == order(rank=1, world=2)[start:]
    assert len(sampler) == len(list(sampler))
