"""Multi-label classification through the engine: learning, mixing, resuming, several processes."""

import json
import random

import pytest

from parcnet import checkpoint
from parcnet.recipes import to_yaml
from parcnet.tasks.loading import load_checkpoint
from parcnet.tasks.multilabel.task import MultiLabelTask
from parcnet.training import final_evaluation, train
from parcnet_lab.bench.faults import KillableRun, differences


@pytest.fixture
def _without_pictures(monkeypatch):
    """Drawing takes longer than these runs."""
    monkeypatch.setattr(final_evaluation, "_draw_curves", lambda *_: None)
    monkeypatch.setattr(MultiLabelTask, "draw_run", lambda *_: [])


def test_a_run_learns_and_leaves_metrics_pictures_and_the_threshold(recipe):
    result = train(recipe(epochs=12))
    assert result.val.metrics()["map"] > 0.9
    assert result.test is not None
    assert result.test.metrics()["map"] > 0.9
    assert result.test.count == 17
    lines = [json.loads(line) for line in result.folder.log.read_text().splitlines()]
    assert {"val_loss", "val_map", "val_micro_f1", "val_macro_f1"} <= lines[-1].keys()
    assert result.best.val["map"] == max(line["val_map"] for line in lines)
    assert [path.name for path in result.pictures] == ["curve.png", "predictions.png"]
    assert all(path.stat().st_size > 5000 for path in result.pictures)
    metadata = load_checkpoint(result.folder.path).metadata
    assert (metadata.task, metadata.classes) == ("multilabel", ("blue", "green", "red"))
    assert metadata.task_args == {"threshold": 0.4}


@pytest.mark.usefixtures("_without_pictures")
def test_a_killed_run_with_mixing_resumes_bit_identically(recipe, killed_at_step):
    mixing = {"mixup": 0.4, "cutmix": 0.4, "smoothing": 0.1, "reprob": 0.2}
    whole = train(recipe("whole", **mixing)).folder.path
    with killed_at_step(8):
        train(recipe("killed", **mixing), resume="auto")
    resumed = train(recipe("killed", **mixing), resume="auto").folder.path
    assert differences(whole, resumed) == 0


@pytest.mark.slow  # not checked without it: exact metrics and resuming over real processes
def test_two_processes_have_the_metrics_of_one_and_resume_bit_identically(recipe, squares, tmp_path):
    path = tmp_path / "short.yaml"
    text = to_yaml(recipe(epochs=3)).replace("device: cpu", "device: cpu\n  save_every: 2")
    path.write_text(text.replace("  save_every: null\n", ""), encoding="utf-8")
    whole, broken = tmp_path / "together", tmp_path / "killed"
    KillableRun(["-c", str(path)], 2, whole).finish()
    run = KillableRun(["-c", str(path)], 2, broken, restarts=3)
    try:
        assert run.reach(9)
        run.kill(random.Random(0))
        run.finish()
    finally:
        run.end()
    assert differences(whole, broken) == 0
    result = json.loads((whole / "result.json").read_text())
    assert result["processes"] == 2
    loaded = load_checkpoint(whole)
    alone = evaluated(loaded, squares, "test")
    assert {name: alone[name] for name in ("map", "micro_f1", "macro_f1", "sample_f1")} == {
        name: pytest.approx(result["test"][name], abs=1e-12) for name in ("map", "micro_f1", "macro_f1", "sample_f1")
    }
    assert alone["loss"] == pytest.approx(result["test"]["loss"], rel=1e-5)
    assert checkpoint.read_metadata(whole / "best.safetensors").metrics["val_map"] == pytest.approx(
        evaluated(loaded, squares, "val")["map"], abs=1e-12
    )


def evaluated(loaded, squares, split):
    """The metrics of one process, in other batches."""
    from parcnet.base import pick_device
    from parcnet.evaluation import evaluation_batches, torch_predictor

    images = loaded.task.open_images(str(squares), split, loaded.metadata)
    batches = evaluation_batches(loaded.task, images, loaded.metadata, batch_size=5)
    with torch_predictor(loaded.network, pick_device("cpu")) as predictor:
        return loaded.task.evaluate(predictor, batches, loaded.metadata).metrics()
