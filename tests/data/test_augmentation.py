import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from parcnet.base import UserError
from parcnet.data import Preprocessing, mixup, reseed, train_transform
from parcnet.recipes import Augmentation

GREY = Preprocessing((16, 24), (0.5,), (0.5,))
COLOUR = Preprocessing((16, 24), (0.5,) * 3, (0.5,) * 3)
NONE = Augmentation(scale=(1.0, 1.0), ratio=(1.0, 1.0), hflip=0.0, color_jitter=0.0)
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8))


def drawn(transform, times, image=PICTURE):
    samples = []
    for index in range(times):
        reseed(0, 0, index)
        samples.append(transform(image))
    return samples


@pytest.mark.parametrize("policy", [None, "rand-m9-mstd0.5-inc1", "rand-m10-inc1", "augmix-m5-w4-d2", "v0r", "3a"])
@pytest.mark.parametrize("preprocessing", [GREY, COLOUR], ids=["grey", "colour"])
def test_every_policy_of_timm_on_grey_and_colour(policy, preprocessing):
    transform = train_transform(preprocessing, Augmentation(auto_augment=policy, reprob=0.5), "random")
    for sample in drawn(pickle.loads(pickle.dumps(transform)), 60):  # pickled, as for a worker process
        assert sample.shape == (preprocessing.channels, 16, 24)
        assert sample.isfinite().all()


def test_posterizing_to_zero_bits_is_black_as_timm_expects():
    from parcnet.data.augmentation import _posterize

    assert np.asarray(_posterize(PICTURE, 0)).max() == 0
    assert np.asarray(_posterize(PICTURE, 1)).max() == 128


def test_without_augmentation_every_draw_is_the_same():
    first, *others = drawn(train_transform(COLOUR, NONE), 5)
    assert all(torch.equal(first, other) for other in others)


def test_digits_are_never_mirrored_without_hflip():
    wedge = Image.fromarray(np.tile(np.linspace(0, 255, 32, dtype=np.uint8), (32, 1)))
    samples = drawn(train_transform(GREY, Augmentation(hflip=0.0, color_jitter=0.0)), 40, wedge)
    assert all((sample[0, :, -1] > sample[0, :, 0]).all() for sample in samples)
    flipped = drawn(train_transform(GREY, Augmentation(hflip=1.0, color_jitter=0.0)), 5, wedge)
    assert all((sample[0, :, -1] < sample[0, :, 0]).all() for sample in flipped)


def test_random_interpolation_draws_and_a_named_one_does_not():
    assert len({s.numpy().tobytes() for s in drawn(train_transform(COLOUR, NONE, "random"), 20)}) == 2
    assert len({s.numpy().tobytes() for s in drawn(train_transform(COLOUR, NONE, "nearest"), 20)}) == 1


def test_an_unknown_auto_augment_policy_is_an_error():
    with pytest.raises(UserError, match="auto_augment 'rnad-m9'"):
        train_transform(COLOUR, Augmentation(auto_augment="rnad-m9"))


def test_mixup_is_none_without_mixup_and_cutmix():
    assert mixup(NONE, 10) is None


@pytest.mark.parametrize("fields", [{"mixup": 0.8}, {"cutmix": 1.0}, {"mixup": 0.8, "cutmix": 1.0}])
def test_mixed_targets_are_distributions_over_the_classes(fields):
    mix = mixup(Augmentation(smoothing=0.1, **fields), num_classes=5)
    assert mix is not None
    _, targets = mix(torch.randn(4, 3, 8, 8), torch.tensor([0, 1, 2, 4]))
    assert targets.shape == (4, 5)
    torch.testing.assert_close(targets.sum(1), torch.ones(4))
    assert targets.min().item() == pytest.approx(0.1 / 5)
