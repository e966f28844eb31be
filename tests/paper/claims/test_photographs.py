import numpy as np
import pytest
import torch

from parcnet.base import UserError
from parcnet.data import packaged_images
from parcnet_lab.paper.claims import photographs as room
from parcnet_lab.paper.claims.crops import LARGEST, SMALLEST, as_batch, held_out_crops, resized, training_crops
from parcnet_lab.paper.claims.photographs import NAMES, photograph, photographs


def test_there_are_at_least_ten_photographs_of_different_content():
    means = {name: np.asarray(photograph(name).resize((16, 16)), np.float32) for name in NAMES}
    assert len(NAMES) >= 10
    for place, name in enumerate(NAMES):
        for other in NAMES[place + 1 :]:
            assert np.abs(means[name] - means[other]).mean() > 5, (name, other)


def test_regions_share_no_pixel_and_leave_none_out():
    for each in photographs():
        whole = np.asarray(photograph(each.name))
        along = 1 if whole.shape[1] >= whole.shape[0] else 0
        joined = np.concatenate([np.asarray(each.train), np.asarray(each.test)], axis=along)
        np.testing.assert_array_equal(joined, whole)
        assert min(*each.train.size, *each.test.size) >= SMALLEST
        assert each.train.size[1 - along] > each.test.size[1 - along]


def test_a_missing_package_is_named_with_the_extra(monkeypatch):
    photograph.cache_clear()
    monkeypatch.setattr(packaged_images, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"scikit-image.*parcnet\[lab\]"):
        room.photograph("astronaut")


def test_training_crops_depend_on_the_seed_alone():
    first, labels = training_crops(0, 2, 32, 5)
    training_crops.cache_clear()
    again, _ = training_crops(0, 2, 32, 5)
    other, _ = training_crops(1, 2, 32, 5)
    assert first.shape == (2, 5, 32, 32)
    assert labels.shape == (2, 5)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_test_crops_are_square_and_balanced():
    crops, labels = held_out_crops(2)
    assert torch.bincount(labels).tolist() == [2] * len(NAMES)
    assert all(crop.width == crop.height and SMALLEST <= crop.width <= LARGEST for crop in crops)


def test_a_batch_tells_nothing_of_brightness_and_contrast():
    pixels = torch.randint(0, 200, (2, 16, 16)).to(torch.uint8)
    darker = (pixels // 2 * 2).float()
    torch.testing.assert_close(as_batch(darker), as_batch(darker / 2 + 40), rtol=1e-4, atol=1e-4)


def test_an_oblong_view_shows_the_middle_of_the_crop():
    crops, _ = held_out_crops(1)
    side = crops[0].width
    whole = resized(crops[:1], side, side)[0, 0]
    middle = resized(crops[:1], side // 2, side)[0, 0]
    band = whole[side // 2 - side // 4 :][: middle.shape[0]]
    assert torch.corrcoef(torch.stack([middle.flatten(), band.flatten()]))[0, 1] > 0.95
