from itertools import product

import pytest
import torch
import torch.nn.functional as F

from parcnet.base import UserError
from parcnet.tasks.segmentation import InferenceSettings, predict_log_probabilities
from parcnet.tasks.segmentation.file_inference import settings_for_file
from parcnet.tasks.segmentation.sliding_inference import windows


def pixelwise(images):
    """Logits of three classes that depend on single pixels, so windows must agree with the whole image."""
    return torch.cat([images[:, :1], images[:, 1:2], images.sum(1, keepdim=True)], 1)


@pytest.mark.parametrize("size", [(512, 512), (512, 683), (700, 2048), (300, 200), (513, 512)])
def test_windows_cover_every_pixel_and_stay_inside_the_image(size):
    seen = torch.zeros(size)
    for top, left, bottom, right in windows(size, (512, 512), (341, 341)):
        assert 0 <= top < bottom <= size[0]
        assert 0 <= left < right <= size[1]
        assert (bottom - top, right - left) == (min(512, size[0]), min(512, size[1]))
        seen[top:bottom, left:right] += 1
    assert seen.min() >= 1


def intervals(length, window, stride):
    """(start, end) of windows along one axis: one stride apart, until the last one would pass the end."""
    starts = [0]
    while starts[-1] + window < length:
        starts.append(starts[-1] + stride)
    return [(min(start, max(length - window, 0)), min(start + window, length)) for start in starts]


@pytest.mark.parametrize("size", [(100, 70), (70, 100), (40, 24), (41, 200), (200, 25), (9, 100), (100, 9)])
@pytest.mark.parametrize(("window", "stride"), [((40, 24), (31, 9)), ((24, 40), (9, 31)), ((40, 24), (7, 24))])
def test_height_and_width_have_their_own_window_and_stride(size, window, stride):
    rows, columns = (intervals(*axis) for axis in zip(size, window, stride, strict=True))
    expected = [(top, left, bottom, right) for (top, bottom), (left, right) in product(rows, columns)]
    assert windows(size, window, stride) == expected


def test_the_network_sees_windows_of_the_height_and_width_set():
    shapes = []

    def recording(images):
        shapes.append(tuple(images.shape[-2:]))
        return pixelwise(images)

    settings = InferenceSettings((60, 80), "slide", (24, 40), (12, 40))
    image = torch.randn(3, 60, 80)
    slide = predict_log_probabilities(recording, image, settings, (60, 80))
    assert shapes == [(24, 40)] * (4 * 2)
    torch.testing.assert_close(slide, pixelwise(image[None])[0].log_softmax(0), rtol=1e-5, atol=1e-5)


def test_the_stride_of_each_axis_is_at_most_its_window():
    assert InferenceSettings(window=(40, 24), stride=(40, 24)).stride == (40, 24)
    for stride in ((41, 24), (40, 25), (24, 40)):
        with pytest.raises(UserError, match="expected at most the window"):
            InferenceSettings(window=(40, 24), stride=stride)


def test_a_file_has_strides_in_proportion_to_each_of_its_sides():
    settings = settings_for_file(InferenceSettings(window=(40, 24), stride=(20, 6)), (64, 96))
    assert (settings.window, settings.stride) == ((64, 96), (32, 24))


@pytest.mark.parametrize(
    ("size", "expected"), [((30, 60), (48, 96)), ((60, 30), (64, 32)), ((128, 96), (64, 48)), ((10, 100), (10, 96))]
)
def test_a_whole_image_fits_into_the_height_and_width_of_a_file(size, expected):
    settings = settings_for_file(InferenceSettings(inference="whole"), (64, 96))
    assert settings.view_size(size, 1.0) == expected


def test_windows_of_512_px_at_a_stride_of_341_px():
    assert [place[1] for place in windows((512, 1100), (512, 512), (341, 341))] == [0, 341, 588]


def test_a_pixelwise_network_gives_equal_results_in_windows_and_whole():
    image = torch.randn(3, 50, 90)
    whole, slide = (
        predict_log_probabilities(pixelwise, image, InferenceSettings((50, 90), kind, (32, 32), (20, 20)), (50, 90))
        for kind in ("whole", "slide")
    )
    torch.testing.assert_close(slide, whole, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(whole, pixelwise(image[None])[0].log_softmax(0), rtol=1e-5, atol=1e-5)


def test_mirrored_predictions_are_flipped_back():
    image = torch.randn(3, 32, 48)
    plain = predict_log_probabilities(pixelwise, image, InferenceSettings((32, 48), "whole"), (32, 48))
    both = predict_log_probabilities(pixelwise, image, InferenceSettings((32, 48), "whole", flip=True), (32, 48))
    torch.testing.assert_close(both, plain, rtol=1e-5, atol=1e-5)


def test_probabilities_are_averaged_over_scales():
    image = torch.randn(3, 32, 32)
    alone = [
        predict_log_probabilities(
            pixelwise, image, InferenceSettings((32, 32), "whole", scales=(scale,)), (32, 32)
        ).exp()
        for scale in (0.5, 1.5)
    ]
    both = predict_log_probabilities(
        pixelwise, image, InferenceSettings((32, 32), "whole", scales=(0.5, 1.5)), (32, 32)
    ).exp()
    torch.testing.assert_close(both, (alone[0] + alone[1]) / 2)
    torch.testing.assert_close(both.sum(0), torch.ones(32, 32))


def test_each_view_is_resized_from_the_original_and_predicted_at_the_requested_size():
    sizes = []

    def recording(images):
        sizes.append(tuple(images.shape[-2:]))
        return pixelwise(images)

    probabilities = predict_log_probabilities(
        recording, torch.randn(3, 100, 200), InferenceSettings((50, 400), "whole", scales=(1.0, 2.0)), (100, 200)
    )
    assert sizes == [(50, 100), (100, 200)]
    assert probabilities.shape == (3, 100, 200)


def test_logits_are_averaged_where_windows_overlap(small):
    small.eval()
    image = torch.randn(3, 64, 96)
    with torch.no_grad():
        probabilities = predict_log_probabilities(
            small, image, InferenceSettings((64, 96), "slide", (64, 64), (32, 32)), (64, 96)
        )
        left, right = small(image[None, ..., :64]), small(image[None, ..., 32:])
    shared = (F.pad(left, (0, 32)) + F.pad(right, (32, 0)))[0]
    shared[..., 32:64] /= 2
    torch.testing.assert_close(probabilities, shared.log_softmax(0), rtol=1e-4, atol=1e-4)
