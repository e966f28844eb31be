import pytest

from parcnet.base import UserError
from parcnet.training.loop.batch_split import split_batch


@pytest.mark.parametrize(
    ("batch", "world", "limit", "expected"),
    [
        (2048, 8, None, "8 processes x 256 images"),
        (2048, 8, 128, "8 processes x 2 micro-batches x 128 images"),
        (2048, 4, 128, "4 processes x 4 micro-batches x 128 images"),
        (2048, 1, 128, "16 micro-batches x 128 images"),
        (64, 1, None, "64 images"),
        (60, 2, 8, "2 processes x 5 micro-batches x 6 images"),
    ],
)
def test_the_batch_is_independent_of_processes_and_micro_batch(batch, world, limit, expected, recipe):
    split = split_batch(recipe(batch_size=batch, micro_batch=limit), world)
    assert split.batch == split.world * split.accumulation * split.micro == batch
    assert str(split) == expected


def test_the_largest_prime_batch_is_split_into_single_images(recipe):
    split = split_batch(recipe(batch_size=999_983, micro_batch=64), 1)
    assert (split.accumulation, split.micro) == (999_983, 1)


def test_with_mixup_micro_batches_have_an_even_size(recipe):
    split = split_batch(recipe(batch_size=60, micro_batch=15, mixup=0.5), 1)
    assert (split.accumulation, split.micro) == (5, 12)


@pytest.mark.parametrize(
    ("batch", "world", "limit", "mixup", "message"),
    [
        (2048, 7, None, 0.0, "Use --batch-size 2044, or 4 processes"),
        (30, 2, None, 0.5, "15 images in each of 2 processes"),
        (30, 1, 1, 0.5, "must be even"),
    ],
)
def test_a_batch_that_cannot_be_split_is_an_error(batch, world, limit, mixup, message, recipe):
    with pytest.raises(UserError, match=message):
        split_batch(recipe(batch_size=batch, micro_batch=limit, mixup=mixup), world)
