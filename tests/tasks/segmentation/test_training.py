"""Training of segmenters: outputs, resuming, several processes, errors."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.evaluation import evaluation_batches, torch_predictor
from parcnet.recipes import Data, Network, Optimizer, Recipe, Run, Schedule, to_yaml
from parcnet.tasks.loading import load_checkpoint
from parcnet.tasks.segmentation import Segmenter
from parcnet.tasks.segmentation.recipe import SegmentationSettings
from parcnet.tasks.segmentation.task import SegmentationTask
from parcnet.training import final_evaluation, train
from parcnet.training.distributed.process_group import ProcessGroup
from parcnet.training.setup.layer_decay import layer_groups
from parcnet.training.setup.prepare import RunSetup, prepare
from parcnet_lab.bench.faults import KillableRun, differences


@pytest.fixture(scope="session")
def coins_folder(tmp_path_factory):
    """Three regions of a photograph of coins at half size; pixels brighter than 100 are labelled as coin."""
    root = tmp_path_factory.mktemp("segmented") / "coins"
    for split, rows in (("train", slice(0, 150)), ("val", slice(150, 230)), ("test", slice(230, None))):
        grey = data.coins()[rows][::2, ::2]
        for folder, values in (("images", grey), ("annotations", (grey > 100).astype(np.uint8))):
            path = root / folder / split / "coins.png"
            path.parent.mkdir(parents=True)
            Image.fromarray(values).save(path)
    (root / "classes.txt").write_text("table\ncoin\n", encoding="utf-8")
    return root


@pytest.fixture
def recipe(coins_folder, tmp_path) -> Callable[..., Recipe]:
    """recipe(output=..., **schedule): a tiny UperNet, 2 epochs of 3 steps."""

    def make(output: str = "run", network: Network | None = None, batch: int = 4, **schedule: object) -> Recipe:
        args = "{depths: [1, 1, 1, 1], dims: [16, 16, 24, 24]}"
        return Recipe(
            name="coins",
            task="segmentation",
            network=network or Network(img_size=32, model_args=args, drop_path=0.1),
            data=Data(data_dir=str(coins_folder), batch_size=batch, workers=0, repeats=12),
            optimizer=Optimizer(lr=3e-3),
            schedule=Schedule(**{"decay": "poly", "epochs": 2, "warmup_epochs": 0.5, **schedule}),
            settings=SegmentationSettings(
                decoder_channels=16,
                auxiliary_channels=8,
                crop_size=(64, 64),
                stride=(43, 43),
                resize_to=(75, 192),
            ),
            run=Run(device="cpu", output=str(tmp_path / output), seed=1),
        )

    return make


def prepared(recipe: Recipe) -> RunSetup:
    return prepare(recipe, ProcessGroup(), torch.device("cpu"))


@pytest.fixture
def _without_pictures(monkeypatch):
    monkeypatch.setattr(final_evaluation, "_draw_curves", lambda *_: Path("curve.png"))
    monkeypatch.setattr(SegmentationTask, "draw_run", lambda *_: [])


def test_a_run_writes_metrics_pictures_and_a_checkpoint_with_inference_settings(recipe):
    outcome = train(recipe())
    line = json.loads(outcome.folder.log.read_text().splitlines()[-1])
    assert {"val_loss", "val_miou", "val_macc", "val_aacc"} <= line.keys()
    assert outcome.val.metrics()["miou"] == pytest.approx(outcome.best.val["miou"])
    assert outcome.test is not None
    assert outcome.test.metrics()["aacc"] > 0.5
    assert [path.name for path in outcome.pictures] == ["curve.png", "predictions.png"]
    assert all(path.stat().st_size > 5000 for path in outcome.pictures)
    loaded = load_checkpoint(outcome.folder.path)
    metadata = loaded.metadata
    assert isinstance(loaded.network, Segmenter)
    assert (metadata.task, metadata.classes) == ("segmentation", ("table", "coin"))
    assert metadata.task_args["looks"] == {
        "resize_to": [75, 192],
        "inference": "slide",
        "window": [64, 64],
        "stride": [43, 43],
    }


@pytest.mark.usefixtures("_without_pictures")
def test_a_killed_run_resumes_bit_identically(recipe, killed_at_step):
    whole = train(recipe("whole")).folder.path
    with killed_at_step(4):
        train(recipe("killed"), resume="auto")
    resumed = train(recipe("killed"), resume="auto").folder.path
    assert differences(whole, resumed) == 0


@pytest.mark.usefixtures("_without_pictures")
def test_two_processes_split_the_batch_and_evaluate_every_image_once(recipe, coins_folder, tmp_path):
    alone = recipe(output="alone", epochs=1)
    path = tmp_path / "coins.yaml"
    path.write_text(to_yaml(replace(alone, run=replace(alone.run, output=None))), encoding="utf-8")
    together = tmp_path / "together"
    KillableRun(["-c", str(path)], 2, together).finish()
    assert "2 processes x 2 images" in (tmp_path / "together.log").read_text()
    assert json.loads((together / "result.json").read_text())["processes"] == 2
    loaded = load_checkpoint(together)
    images = loaded.task.open_images(str(coins_folder), "val", loaded.metadata)
    batches = evaluation_batches(loaded.task, images, loaded.metadata, batch_size=1)
    with torch_predictor(loaded.network, torch.device("cpu")) as predictor:
        expected = loaded.task.evaluate(predictor, batches, loaded.metadata).metrics()
    for name in ("miou", "aacc"):
        assert loaded.metadata.metrics[f"val_{name}"] == pytest.approx(expected[name], abs=1e-6)


def test_iterations_may_end_within_an_epoch(recipe):
    outcome = train(recipe(iterations=5, epochs=30))
    lines = [json.loads(line) for line in outcome.folder.steps.read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5]
    assert [line["epoch"] for line in lines] == [1, 1, 1, 2, 2]
    assert lines[-1]["lr"] < lines[-2]["lr"]


def test_a_classifiers_weights_are_loaded_and_reported(recipe, tmp_path):
    plain = recipe().network
    classifier = prepared(replace(recipe(), task="classification", data=Data(), settings=None))
    path = tmp_path / "digits.safetensors"
    checkpoint.save(path, classifier.built.network.state_dict(), classifier.plan.metadata)
    started = prepared(recipe(network=replace(plain, initial_checkpoint=str(path))))
    own, given = started.built.network.state_dict(), classifier.built.network.state_dict()
    assert torch.equal(own["backbone.net.stages_2.blocks.0.norm1.weight"], given["stages.2.blocks.0.norm1.weight"])
    assert "head.fc.weight" in started.built.notes[0]
    assert "tensors used" in started.built.notes[0]


def test_stage_wise_decay_applies_to_the_backbone_alone(recipe):
    ids, last = layer_groups(prepared(recipe()).built.network, "stages", 6)
    assert last == 7
    for prefix, group in (
        ("backbone.net.stem.", 0),
        ("backbone.net.stages_1.downsample.", 0),
        ("backbone.net.stages_0.blocks.0.", 1),
        ("backbone.net.stages_3.blocks.0.", 4),
        ("backbone.norms.0.", 7),
        ("decoder.", 7),
        ("auxiliary.", 7),
    ):
        found = {each for name, each in ids.items() if name.startswith(prefix)}
        assert found == {group}, prefix


def test_a_batch_of_one_image_is_refused(recipe):
    with pytest.raises(UserError, match="at least two images at a time"):
        prepared(recipe(batch=1))


def test_a_folder_without_labels_is_refused(recipe, tmp_path):
    empty = replace(recipe(), data=replace(recipe().data, data_dir=str(tmp_path)))
    with pytest.raises(UserError, match="there is no folder"):
        prepared(empty)
