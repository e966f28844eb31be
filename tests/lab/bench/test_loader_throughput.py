import torch

from parcnet.recipes import override, read_recipe
from parcnet_lab.bench import loader_throughput
from parcnet_lab.bench.results import BenchmarkResult
from parcnet_lab.bench.views import VIEWS, view

SMALL = override(read_recipe("imagenet1k_tiny"), ["model=parcnetv2_digits", "img_size=32"])


def test_stages_and_rates_are_measured_on_real_photographs():
    with loader_throughput.photographs(96) as images:
        assert (len(images), images.classes, images.image(0).size) == (96, ("china", "flower"), (640, 427))
        rows = loader_throughput.stages(images, SMALL, count=4, seconds=0.1)
        rows += loader_throughput.throughput(images, SMALL, [0], lambda n, note: None)  # noqa: ARG005
    rows.append(loader_throughput.training_rate(SMALL, torch.device("cpu"), torch.float32, 0.1))
    assert [row["stage"] for row in rows[:4]] == ["read", "decode", "augment", "collate"]
    assert all(row["ms"] > 0 for row in rows[:4])
    assert 140_000 < rows[0]["image_bytes"] < 200_000
    assert rows[4]["images"] == 32
    machine = {"device": "x", "threads": 1, "dtype": "fp32"}
    result = BenchmarkResult("loader", "", machine, {"recipe": "imagenet1k_tiny"}, rows)
    shown = [view(result, name) for name in VIEWS["loader"]]
    assert shown[0].rows[-1][0] == "together"
    assert shown[1].rows[0][3] in ("the loader", "the step")
