"""What the comparison of a file with its network counts."""

import math

import pytest
import torch

from parcnet.tasks.parity import compare


def compared(wanted, got, *, logits=False, batch=2):
    """Answers given as they are, `batch` images at a time."""
    images = torch.arange(len(wanted[0]), dtype=torch.float32).view(-1, 1, 1, 1)

    def of(answers):
        return lambda chunk: [each[chunk.flatten().long()] for each in answers]

    return compare(of(wanted), of(got), images, batch, logits=logits)


def test_errors_are_over_the_root_mean_square_of_all_images() -> None:
    wanted, error = torch.randn(5, 7), torch.randn(5, 7) * 0.01
    found = compared([wanted], [wanted + error])
    scale = float(wanted.square().mean().sqrt())
    assert found.maximum == pytest.approx(float(error.abs().max()) / scale, rel=1e-4)
    assert found.mean == pytest.approx(float(error.abs().mean()) / scale, rel=1e-4)
    together = compared([wanted], [wanted + error], batch=5)
    assert (found.maximum, found.mean) == pytest.approx((together.maximum, together.mean))
    assert found.agreement is None


def test_the_worst_output_counts_and_nan_is_the_worst() -> None:
    one, other = torch.randn(4, 3), torch.randn(4, 2, 5, 5)
    assert compared([one, other], [one, other * 1.5]).maximum > 0.5
    broken = other.clone()
    broken[0, 0, 0, 0] = math.nan
    found = compared([one, other], [one, broken])
    assert found.maximum == math.inf
    assert found.worse_than(1e9, 0.0) is not None


def test_likeliest_classes_are_counted_by_image_and_by_pixel() -> None:
    logits = torch.eye(4)
    changed = logits[[1, 0, 2, 3]]
    by_image = compared([logits], [changed], logits=True)
    assert (by_image.agreement, by_image.counted) == (0.5, "images")
    maps = torch.randn(4, 3, 2, 5)
    turned = maps.clone()
    turned[0, :, 0, 0] = -turned[0, :, 0, 0]
    by_pixel = compared([maps], [turned], logits=True)
    assert (by_pixel.agreement, by_pixel.counted) == (pytest.approx(39 / 40), "pixels")
    assert "same class for 97.5% of the pixels (4 images)" in str(by_pixel)


def test_an_output_of_another_shape_is_an_error() -> None:
    with pytest.raises(ValueError, match="the file returns"):
        compared([torch.ones(2, 3)], [torch.ones(2, 4)])
