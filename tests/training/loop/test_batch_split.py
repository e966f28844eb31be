import pytest

from parcnet.base import UserError
from parcnet.training.loop.batch_split import split_batch


@pytest.mark.parametrize(
    ("batch", "world", "most", "expected"),
    [
        (2048, 8, None, "8 processes x 256 images"),
        (2048, 8, 128, "8 processes x 2 micro-batches x 128 images"),
        (2048, 4, 128, "4 processes x 4 micro-batches x 128 images"),
        (2048, 1, 128, "16 micro-batches x 128 images"),
        (64, 1, None, "64 images"),
        (60, 2, 8, "2 processes x 5 micro-batches x 6 images"),
    ],
)
def test_the_batch_stays_whatever_the_world_and_the_memory(batch, world, most, expected, recipe):
    found = split_batch(recipe(batch_size=batch, micro_batch=most), world)
    assert found.batch == found.world * found.accumulation * found.micro == batch
    assert str(found) == expected


def test_what_is_mixed_in_pairs_is_split_into_even_parts(recipe):
    found = split_batch(recipe(batch_size=60, micro_batch=15, mixup=0.5), 1)
    assert (found.accumulation, found.micro) == (5, 12)


@pytest.mark.parametrize(
    ("batch", "world", "most", "mixup", "said"),
    [
        (2048, 7, None, 0.0, "Use --batch-size 2044, or 4 processes"),
        (30, 2, None, 0.5, "15 images in each of 2 processes"),
        (30, 1, 1, 0.5, "must be even"),
    ],
)
def test_a_batch_that_cannot_be_shared_says_what_can(batch, world, most, mixup, said, recipe):
    with pytest.raises(UserError, match=said):
        split_batch(recipe(batch_size=batch, micro_batch=most, mixup=mixup), world)
