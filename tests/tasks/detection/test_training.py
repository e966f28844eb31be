"""Training of detectors: resuming, several processes, errors."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.evaluation import evaluation_batches, torch_predictor
from parcnet.recipes import Recipe, read_recipe
from parcnet.tasks.detection import cascade_heads, region_heads
from parcnet.tasks.loading import load_checkpoint
from parcnet.tasks.lookup import task_named
from parcnet.training import Diverged, train
from parcnet_lab.bench.faults import KillableRun, differences, lines

RECIPE = """\
task: detection
network: {{model: parcnetv2_digits, img_size: 64, model_args: "{{depths: [1, 1, 1, 1], dims: [8, 12, 16, 24]}}"}}
data: {{data_dir: {folder}, batch_size: 4, workers: 0}}
detection: {{short_side: 64, long_side: 96, train_short_sides: [48, 64], resize_policy: resize, regions: 8,
  detections: 5, score_threshold: 0.0, anchor_scale: 0.5, mask_padding: true}}
schedule: {{epochs: 2, warmup_epochs: 0}}
run: {{device: cpu, threads: 1, save_every: 1}}
"""


@pytest.fixture(scope="module")
def shapes(tmp_path_factory) -> Path:
    """9 and 4 images of two orientations with bright rectangles of two classes; the last of each split is empty."""
    root = tmp_path_factory.mktemp("shapes")
    noise = np.random.default_rng(0)
    for split, count in (("train", 9), ("val", 4)):
        (root / split).mkdir()
        images, annotations = [], []
        for number in range(count):
            height, width = (64, 80) if number % 2 else (80, 64)
            pixels = noise.integers(0, 60, (height, width, 3), dtype=np.uint8)
            for kind in range(2 if number + 1 < count else 0):
                w, h = noise.integers(14, 30, 2).tolist()
                x, y = int(noise.integers(0, width - w)), int(noise.integers(0, height - h))
                pixels[y : y + h, x : x + w, kind] = 250
                corners = [[x, y, x + w, y, x + w, y + h, x, y + h]]
                own = {"id": len(annotations) + 1, "image_id": number, "category_id": kind + 1, "segmentation": corners}
                annotations.append({**own, "bbox": [x, y, w, h], "area": w * h, "iscrowd": 0})
            Image.fromarray(pixels).save(root / split / f"{number}.png")
            images.append({"id": number, "file_name": f"{number}.png", "height": height, "width": width})
        categories = [{"id": 1, "name": "red"}, {"id": 2, "name": "green"}]
        content = {"images": images, "annotations": annotations, "categories": categories}
        (root / f"{split}.json").write_text(json.dumps(content))
    return root


@pytest.fixture(scope="module")
def recipe_file(shapes, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "shapes.yaml"
    path.write_text(RECIPE.format(folder=shapes))
    return path


@pytest.fixture
def recipe(recipe_file, tmp_path, monkeypatch) -> Callable[[str], Recipe]:
    """recipe("whole"): two epochs of two steps, with narrow linear layers for speed, into that folder."""
    monkeypatch.setattr(region_heads, "HIDDEN", 32)
    base = read_recipe(recipe_file)
    return lambda name: replace(base, run=replace(base.run, output=str(tmp_path / name)))


def evaluated_alone(run, shapes):
    """The metrics of a run's best checkpoint on the validation images, in one process."""
    loaded = load_checkpoint(run)
    images = loaded.task.open_images(str(shapes), "val", loaded.metadata)
    batches = evaluation_batches(loaded.task, images, loaded.metadata, batch_size=4)
    with torch_predictor(loaded.network, torch.device("cpu")) as predictor:
        return loaded.task.evaluate(predictor, batches, loaded.metadata)


def test_a_killed_run_resumes_bit_identically_and_its_checkpoint_has_the_logged_metrics(recipe, shapes, killed_at_step):
    whole, killed = recipe("whole"), recipe("killed")
    outcome = train(whole)
    with killed_at_step(3):
        train(killed)
    train(killed, resume="auto")
    assert differences(Path(whole.run.output), Path(killed.run.output)) == 0
    assert len(lines(Path(killed.run.output) / "steps.jsonl")) == 4
    assert load_checkpoint(whole.run.output).task.name == "detection"
    again = evaluated_alone(whole.run.output, shapes)
    assert again.count == 4
    assert again.metrics() == pytest.approx(outcome.val.metrics())
    assert (Path(whole.run.output) / "predictions.png").stat().st_size > 0


def test_two_processes_split_the_batch_and_evaluate_every_image_once(recipe_file, shapes, tmp_path):
    KillableRun(["-c", str(recipe_file), "--epochs", "1"], 2, tmp_path / "run").finish()
    assert "2 processes x 2 images" in (tmp_path / "run.log").read_text()
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["processes"] == 2
    assert len(lines(tmp_path / "run" / "steps.jsonl")) == 2
    metadata = checkpoint.read_metadata(tmp_path / "run")
    alone = evaluated_alone(tmp_path / "run", shapes).metrics()
    for name in ("box_ap", "mask_ap"):
        assert metadata.metrics[f"val_{name}"] == pytest.approx(alone[name], abs=1e-6)


def test_a_loss_that_is_not_finite_stops_the_run(recipe, monkeypatch):
    real = cascade_heads.box_loss
    monkeypatch.setattr(cascade_heads, "box_loss", lambda *base: real(*base) * float("nan"))
    with pytest.raises(Diverged, match="loss"):
        train(recipe("diverging"))


def test_an_unreadable_image_is_reported(recipe, shapes, tmp_path):
    copy = tmp_path / "damaged"
    import shutil

    shutil.copytree(shapes, copy)
    (copy / "train" / "0.png").write_bytes(b"no image")
    base = recipe("run")
    with pytest.raises(UserError, match=r"1 unreadable image, 0 allowed:\n.*0\.png"):
        train(replace(base, data=replace(base.data, data_dir=str(copy))))


def test_a_classifiers_weights_are_loaded_and_reported(recipe, tmp_path):
    import timm

    from parcnet.checkpoint import Metadata
    from parcnet.data import Preprocessing

    model_args = {"depths": [1, 1, 1, 1], "dims": [8, 12, 16, 24], "img_size": 64, "num_classes": 10}
    classifier = timm.create_model("parcnetv2_digits", **model_args)
    preprocessing = Preprocessing((64, 64), (0.5,) * 3, (0.5,) * 3).to_dict()
    metadata = Metadata("parcnetv2_digits", model_args, tuple("0123456789"), preprocessing, "digits")
    checkpoint.save(tmp_path / "classifier.safetensors", classifier.state_dict(), metadata)
    base = recipe("run")
    start = str(tmp_path / "classifier.safetensors")
    starting = replace(base, network=replace(base.network, initial_checkpoint=start))
    built = task_named("detection").build(starting, ("red", "green"))
    body = built.network.backbone.body.net.state_dict()
    own = {name.replace(".", "_"): value for name, value in classifier.state_dict().items()}
    assert all(bool((value == own[name.replace(".", "_")]).all()) for name, value in body.items())
    assert any("tensors used" in note and "head" in note for note in built.notes)


def test_the_error_for_missing_data_suggests_the_demo(recipe):
    base = recipe("run")
    with pytest.raises(UserError, match="make demo-detection"):
        train(replace(base, data=replace(base.data, data_dir=None)))
