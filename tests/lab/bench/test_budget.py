"""The arithmetic of docs/training_at_scale.md."""

import pytest

from parcnet_lab.bench.budget import COLUMNS, IMAGE_PIXELS, TRAININGS, budget, core_seconds

STAGES = [
    {"stage": "read", "ms": 0.1, "image_pixels": 2 * IMAGE_PIXELS},
    {"stage": "decode", "ms": 4.0, "image_pixels": 2 * IMAGE_PIXELS},
    {"stage": "augment", "ms": 2.9, "image_pixels": 2 * IMAGE_PIXELS},
]


def test_decoding_is_scaled_by_pixels_and_nothing_else_is():
    assert core_seconds(STAGES) == pytest.approx(0.005)


def test_the_first_row_by_hand():
    # an RTX 3090 by the authors' latency: 32 images in 3 x 52 ms
    rate = 32 / 0.156
    assert TRAININGS[0].gpu_rate == pytest.approx(rate)
    assert TRAININGS[0].gpu_hours == pytest.approx(1_281_167 * 300 / rate / 3600)
    row = dict(zip(COLUMNS, budget(STAGES)[0], strict=True))
    assert row["data, network, epochs"] == "ImageNet-1K, T, 300"
    assert row["GPU hours"] == "520"
    assert row["cores that read them"] == f"{8 * rate * 0.005:.1f}"
    assert row["MB/s read"] == f"{8 * rate * 0.115:.0f}"
    assert row["GB"] == "147"
    assert row["shards of 256 MB"] == "576"
