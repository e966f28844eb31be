"""Parameters and MACs of detectors against those published for ConvNeXt and Swin (80 classes, 800 x 1280 px)."""

import dataclasses

import pytest

from parcnet_lab.paper import counting
from parcnet_lab.paper.printed import tables


def counted(model, group):
    rows = [row for row in tables()["supp-table5"].rows if row.model == model and row.group.startswith(group)]
    return counting.COUNTERS["detection"](dataclasses.replace(rows[0].subject, group=rows[0].group))


@pytest.mark.parametrize(
    ("model", "group", "params", "macs"),
    [("ConvNeXt-T", "Mask", 48, 262), ("ConvNeXt-T", "Cascade", 86, 741), ("Swin-T", "Mask", 48, 267)],
)
def test_detectors_have_the_published_parameters_and_macs(model, group, params, macs):
    found = counted(model, group)
    assert round(found.params / 1e6) == params
    assert found.macs / 1e9 == pytest.approx(macs, abs=1.0)


def test_parcnetv2_has_fewer_parameters_and_macs_than_convnext():
    ours, theirs = counted("ParCNetV2-T", "Cascade"), counted("ConvNeXt-T", "Cascade")
    assert ours.params < theirs.params
    assert ours.macs < theirs.macs
