"""Our drawings of the papers' figures, and what they are made from."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from parcnet.base import UserError
from parcnet.models import build
from parcnet_lab.paper import kernel_taps, latencies
from parcnet_lab.paper.drawings import DrawingOptions, draw
from parcnet_lab.paper.module_graph import block_graph, stage_graph
from parcnet_lab.paper.printed import figures

NEEDING = {"accuracy", "latency", "kernels", "kernels_2d"}  # results, a checkpoint, or half a minute
DRAWN = [figure for figure in figures().values() if figure.draws and figure.draws not in NEEDING]


def ink(path):
    """Share of pixels that are not white."""
    with Image.open(path) as image:
        return float((np.asarray(image.convert("L")) < 250).mean())


@pytest.mark.parametrize("figure", DRAWN, ids=lambda figure: figure.name)
def test_every_diagram_is_drawn_from_the_networks(figure, tmp_path):
    said = draw(figure, DrawingOptions(tmp_path / "x.png"))
    assert ink(tmp_path / "x.png") > 0.01
    assert said


@pytest.mark.parametrize("draws", sorted(NEEDING - {"accuracy"}))
def test_what_is_missing_is_named(draws, tmp_path):
    figure = next(figure for figure in figures().values() if figure.draws == draws)
    with pytest.raises(UserError, match=r"--measure|--checkpoint"):
        draw(figure, DrawingOptions(tmp_path / "x.png", results=tmp_path))
    assert not (tmp_path / "x.png").exists()


def test_fig2_circular_kernels_join_across_the_border_and_oversized_do_not():
    circular, oversized = kernel_taps.reach_of_circular(5), kernel_taps.reach_of_oversized(5)
    assert circular[4, 0] == circular[0, 1]  # from the last output to the first input as to the next one
    distance = np.arange(5)[None, :] - np.arange(5)[:, None]
    np.testing.assert_array_equal(oversized, distance + 5)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 5), (3, 2), (5, 5)])
def test_fig4_every_output_uses_as_many_taps_as_the_map_has_pixels(row, column):
    taps = kernel_taps.taps_in_use(6, row, column)
    assert taps.shape == (11, 11)
    assert taps.sum() == 36
    assert taps[5, 5] == 1
    assert taps[5 - row : 11 - row, 5 - column : 11 - column].all()


def test_a_block_s_graph_holds_every_parameter_and_joins_its_branches():
    with torch.device("meta"):
        block = build("parcnetv2_xt").stages[2].blocks[0]
    boxes = {box.key: box for box in block_graph(block, (192, 14, 14))}
    counted = sum(
        int(box.detail.split(", ", 1)[1].split()[0].replace(",", ""))
        for box in boxes.values()
        if "parameters" in box.detail
    )
    assert counted == sum(each.numel() for each in block.parameters())
    gates = [box for box in boxes.values() if box.kind == "attention"]
    assert len(gates) == 2
    assert all(len(box.sources) == 2 for box in gates)
    assert {boxes[key].label for key in next(box for box in boxes.values() if box.label == "add").sources} == {
        "7x7 depthwise",
        "oversized 27x1, 1x27",
    }


def test_a_network_s_parts_add_up():
    with torch.device("meta"):
        model = build("parcnetv2_xt")
    boxes = stage_graph(model, 224)
    assert [box.label for box in boxes[2:6]] == [f"stages.{i}: {n} ParCNetV2Block" for i, n in enumerate((3, 3, 9, 2))]
    assert "192 x 14 x 14" in boxes[4].detail
    macs = sum(float(box.detail.split(", ")[-1].split("G")[0]) for box in boxes[1:])
    assert macs == pytest.approx(1.553, abs=0.03)


def test_trained_kernels_are_those_of_the_last_block_of_the_third_stage():
    model = build("parcnetv2_digits")
    layer = model.stages[2].blocks[-1].spatial.mix.oversized
    vertical, horizontal = kernel_taps.trained_kernels(model, "run", 96)
    np.testing.assert_array_equal(vertical, layer.kernel_h.detach().numpy())
    np.testing.assert_array_equal(horizontal, layer.kernel_w.detach().numpy())
    assert kernel_taps.trained_kernels(model, "run", 16)[0].shape == (16, layer.kernel_h.shape[1])
    with pytest.raises(UserError, match="run holds a ConvNeXt"):
        kernel_taps.trained_kernels(build("test_convnext"), "run", 16)


def row(network, form, batch, milliseconds):
    timing = None if milliseconds is None else {"median_ms": milliseconds}
    return {"network": network, "form": form, "batch": batch, "image": 224, "timing": timing}


def test_latencies_are_of_single_images_and_of_what_was_timed():
    rows = [
        row("a", "eager", 1, 5.0),
        row("a", "compiled", 1, 3.0),
        row("a", "eager", 8, 30.0),
        row("b", "eager", 1, None),
    ]
    known = latencies.Latencies(1, latencies._timed(rows), "a machine")
    assert known.milliseconds == {("a", "eager"): 5.0, ("a", "compiled"): 3.0}
    assert latencies.fastest(known) == {"a": (3.0, "compiled")}


def test_kept_latencies_are_read_from_the_results_of_bench(tmp_path):
    assert latencies.kept(tmp_path) is None
    results = Path(__file__).parents[2] / "benchmarks" / "results"
    known = latencies.kept(results)
    assert known is not None
    assert ("parcnetv2_tiny", "eager") in known.milliseconds
    assert "parcnet bench models" in known.origin


@pytest.mark.slow
def test_fig1_is_drawn_with_and_without_latencies(tmp_path):
    figure = figures()["iccv-figure1"]
    said = draw(figure, DrawingOptions(tmp_path / "x.png", results=tmp_path))
    assert ink(tmp_path / "x.png") > 0.01
    assert "No latencies" in " ".join(said)
