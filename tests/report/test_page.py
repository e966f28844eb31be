"""What stands on the page, and what it does without."""

import html
import json
import re
import shutil
from itertools import pairwise

import pytest

from parcnet import checkpoint
from parcnet.base import UserError, write_text
from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing
from parcnet.recipes import Data, Recipe, to_yaml
from parcnet.report import Bounds, write_report
from parcnet.tasks.backbone import build_backbone
from parcnet.tasks.segmentation import segmenter
from parcnet.training.run.folder import RunFolder

SECTIONS = {
    "glance": "parcnetv2_digits",
    "curves": "3 of ",
    "confusion": " predicted as |No mistakes",
    "mistakes": "Grad-CAM of stages.1",
    "kernels": "energy beyond a 7x7",
    "field": "Half of P lies",
    "sizes": "32 x 32 .as trained.",
    "corruptions": "Gaussian noise.*JPEG",
    "speed": "as trained, batch 8",
    "recipe": "batch_size: 8",
    "reproduce": "parcnet report &#39;a run&#39;",
}


@pytest.mark.parametrize("slug", SECTIONS)
def test_every_section_has_its_content(slug, said):
    assert re.search(SECTIONS[slug], said[slug], re.DOTALL), said[slug][:2000]


def test_the_page_is_self_contained_and_small(page):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!data:image/|#)', text)
    assert not re.search(r"url\(|@import|<script|<link|<iframe", text)
    assert page.stat().st_size < 5e6


def test_every_picture_has_alternative_text(page):
    alts = re.findall(r'<img src="[^"]+" alt="([^"]*)"', page.read_text(encoding="utf-8"))
    assert len(alts) == page.read_text(encoding="utf-8").count("<img ")
    assert len(alts) > 20
    assert min(map(len, alts)) > 15


def test_class_names_are_escaped(page):
    text = page.read_text(encoding="utf-8")
    assert "<three>" not in text
    assert html.escape("<three> & co") in text


def test_headings_go_down_by_one(page):
    levels = [int(each) for each in re.findall(r"<h(\d)", page.read_text(encoding="utf-8"))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_mistakes_show_no_local_path(said, images):
    assert "val/four/" in said["mistakes"] or "val/&lt;three&gt; &amp; co/" in said["mistakes"]
    assert str(images) not in said["mistakes"]


def test_accuracy_is_that_of_parcnet_eval(said, page, images, parcnet_eval):
    found = parcnet_eval(page.parent / "a run", images)
    assert f"<td>24 val images, for this report</td><td>top-1 {found['top1']:.2%}" in said["glance"]
    assert f"loss (nats) {found['loss']:.4f}" in said["glance"]


def test_without_its_images_a_run_has_the_sections_that_need_none(tmp_path, images, make_run):
    data = shutil.copytree(images, tmp_path / "data")
    folder = make_run(tmp_path / "run", data, finished=False)
    shutil.rmtree(data)
    written = write_report(folder, tmp_path / "page.html", command="parcnet report run", bounds=QUIET)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert written.top1 is None
    (reason,) = written.missing
    assert "there is no folder" in reason
    assert html.escape(reason) in text
    assert "not finished: 3 of " in text
    without = {each.slug for each in written.sections if each.missing}
    assert without == {"confusion", "mistakes", "field", "robustness"}


def test_a_network_without_oversized_kernels_has_the_other_sections(tmp_path, images, make_run):
    folder = make_run(tmp_path / "run", images, model="test_resnet")
    written = write_report(folder, tmp_path / "page.html", command="parcnet report run", bounds=QUIET)
    assert [each.slug for each in written.sections if each.missing] == ["kernels"]
    assert "has no oversized convolution" in written.missing[0]


def test_a_run_of_another_task_has_the_sections_about_its_backbone(tmp_path, images, make_run):
    pytest.importorskip("transformers", reason="the extra `downstream`: the page of a segmenter was not made")
    folder = make_segmenter_run(tmp_path / "run", make_run, images)
    written = write_report(folder, tmp_path / "page.html", command="parcnet report run", bounds=QUIET)
    assert written.missing == ["Shown for networks that predict one class an image; this is a run of segmentation."]
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    for words in ("mIoU 50.00%", "Validation mIoU", "stages_0.blocks.0", "Backbone only"):
        assert words in text, words


def make_segmenter_run(folder, make_run, images):
    """A finished run of a segmenter."""
    make_run(folder, images)
    decoder = {"channels": 16, "auxiliary_channels": None, "dropout": 0.0}
    network = segmenter(build_backbone("parcnetv2_digits", {"img_size": 32}), 2, **decoder)
    preprocessing = Preprocessing((32, 32), (0.5,) * 3, (0.25,) * 3)
    metadata = Metadata(
        "parcnetv2_digits",
        {"img_size": 32},
        ("sky", "tree"),
        preprocessing.to_dict(),
        "mine",
        task="segmentation",
        task_args={"decoder": decoder, "looks": {}, "reduce_zero_label": False},
    )
    run = RunFolder(folder)
    checkpoint.save(run.best, network.state_dict(), metadata)
    write_text(run.recipe, to_yaml(Recipe(task="segmentation", data=Data(data_dir="mine"))))
    lines = [{"epoch": 1, "train_loss": 2.0, "val_miou": 0.25, "lr": 1e-3}]
    write_text(run.log, "".join(json.dumps(line) + "\n" for line in lines))
    run.finish({**json.loads(run.result.read_text()), "val": {"miou": 0.5}})
    return folder


def test_a_named_data_folder_must_exist(tmp_path, images, make_run):
    folder = make_run(tmp_path / "run", images)
    with pytest.raises(UserError, match="there is no folder"):
        write_report(folder, tmp_path / "page.html", command="x", data_dir=str(tmp_path / "elsewhere"), bounds=QUIET)
    assert not (tmp_path / "page.html").exists()


def test_an_unwritable_output_is_an_error_before_any_work(tmp_path):
    with pytest.raises(UserError, match="A folder has this name"):
        write_report(tmp_path / "no run at all", tmp_path, command="x")


@pytest.mark.parametrize("lacks", ["recipe.yaml", "best.safetensors", "everything"])
def test_an_invalid_run_folder_is_named(lacks, tmp_path, images, make_run):
    folder = tmp_path / "run"
    if lacks != "everything":
        (make_run(folder, images) / lacks).unlink()
    with pytest.raises(UserError, match="no checkpoint yet" if lacks == "best.safetensors" else "no run folder"):
        write_report(folder, tmp_path / "page.html", command="x")


QUIET = Bounds(
    images=8,
    probes=4,
    mistakes=1,
    field_images=1,
    corruptions=("jpeg",),
    severities=(1,),
    factors=(1.0,),
    timing_seconds=0.01,
    optimized=False,
)
