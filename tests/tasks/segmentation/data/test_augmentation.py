from dataclasses import replace

import numpy as np
import pytest
import torch

from parcnet.data import Preprocessing, collate, train_loader
from parcnet.tasks.segmentation.data import (
    IGNORED,
    SegmentationEvaluation,
    SegmentationTraining,
    fitted_size,
    open_label_maps,
)
from parcnet.tasks.segmentation.recipe import SegmentationSettings

PREPROCESSING = Preprocessing((64, 96), (0.5,) * 3, (0.25,) * 3, crop_pct=1.0)
SETTINGS = SegmentationSettings(
    crop_size=(64, 96), stride=(64, 96), resize_to=(200, 400), photometric=False, category_limit=1.0
)


def images(label_folder):
    return open_label_maps(label_folder(), "train", False)


def augmented(images, settings, hflip=0.0, seed=0):
    torch.manual_seed(seed)
    return SegmentationTraining(PREPROCESSING, settings, hflip)(images.image(0), images.label(0))


def mean_agreement(image, labels):
    """Fraction of pixels whose label matches their grey level, from which the labels were made."""
    grey = (image[0] * 0.25 + 0.5) * 255
    labelled = labels != IGNORED
    return float(((grey > 100) == (labels == 1))[labelled].float().mean())


@pytest.mark.parametrize("hflip", [0.0, 1.0])
def test_image_and_labels_are_transformed_alike(label_folder, hflip):
    data = images(label_folder)
    for seed in range(4):
        image, labels = augmented(data, SETTINGS, hflip, seed)
        assert image.shape == (3, 64, 96)
        assert (labels.shape, labels.dtype) == ((64, 96), torch.int64)
        assert set(labels.unique().tolist()) <= {0, 1, IGNORED}
        assert mean_agreement(image, labels) > 0.9  # edges blur where the size changes


def test_a_flip_mirrors_image_and_labels(label_folder):
    data = images(label_folder)
    plain, mirrored = (augmented(data, replace(SETTINGS, resize_range=(1.0, 1.0)), flip) for flip in (0.0, 1.0))
    # the crop is drawn before the flip, so both have the same
    assert torch.equal(plain[0].flip(-1), mirrored[0])
    assert torch.equal(plain[1].flip(-1), mirrored[1])


def test_padding_has_the_mean_colour_and_ignored_labels(label_folder):
    small = replace(SETTINGS, resize_to=(32, 400), resize_range=(1.0, 1.0))
    image, labels = augmented(images(label_folder), small)
    assert labels.shape == (64, 96)
    height, width = fitted_size((200, 384), (32, 400))
    assert bool((labels[height:] == IGNORED).all())
    assert bool((labels[:, width:] == IGNORED).all())
    assert not bool((labels[:height, :width] == IGNORED).any())
    assert bool((image[:, height:] == 0).all())  # the mean colour


def test_crops_dominated_by_one_class_are_drawn_again(label_folder):
    data = images(label_folder)
    small = replace(SETTINGS, crop_size=(24, 24), stride=(24, 24), resize_range=(1.0, 1.0))

    def largest_fractions(limit):
        fractions = []
        for seed in range(40):
            _, labels = augmented(data, replace(small, category_limit=limit), seed=seed)
            fractions.append(float(labels[labels != IGNORED].bincount().max() / (labels != IGNORED).sum()))
        return np.array(fractions)

    free, limited = largest_fractions(1.0), largest_fractions(0.75)
    assert (free > 0.75).mean() > 0.3
    assert (limited > 0.75).mean() < 0.5 * (free > 0.75).mean()


def test_photometric_distortion_changes_colours_but_not_labels(label_folder):
    data = images(label_folder)
    fixed = replace(SETTINGS, resize_range=(1.0, 1.0))
    plain = [augmented(data, fixed, seed=seed) for seed in range(6)]
    changed = [augmented(data, replace(fixed, photometric=True), seed=seed) for seed in range(6)]
    assert all(torch.equal(one[1], other[1]) for one, other in zip(plain, changed, strict=True))
    assert sum(not torch.equal(one[0], other[0]) for one, other in zip(plain, changed, strict=True)) >= 4


def test_a_sample_depends_on_seed_epoch_and_index_alone(label_folder):
    data = images(label_folder)
    transform = SegmentationTraining(PREPROCESSING, replace(SETTINGS, photometric=True), 0.5)

    def batch(epoch, noise):
        torch.rand(noise)
        loader = train_loader(data, transform=transform, batch_size=1, seed=3, epoch=epoch, workers=0, collate=collate)
        return next(iter(loader))

    first, again, other = batch(2, 5), batch(2, 11), batch(3, 5)
    assert all(torch.equal(one, same) for one, same in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_evaluation_keeps_size_and_labels(label_folder):
    data = images(label_folder)
    image, labels = SegmentationEvaluation(PREPROCESSING)(data.image(0), data.label(0))
    assert image.shape == (3, 200, 384)
    assert mean_agreement(image, labels) == 1


@pytest.mark.parametrize(
    ("size", "expected"),
    [((512, 683), (512, 683)), ((300, 400), (512, 683)), ((200, 1600), (256, 2048)), ((1600, 200), (2048, 256))],
)
def test_a_resized_image_fits_short_and_long_side(size, expected):
    assert fitted_size(size, (512, 2048)) == expected
