"""Several processes over gloo, started as from the command line."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from parcnet import checkpoint
from parcnet.evaluation import evaluation_batches
from parcnet.tasks.loading import load_checkpoint
from parcnet_lab.bench.faults import KillableRun, differences, free_port, lines

TIMEOUT = 240
"""Seconds; the processes take ten to start on an idle machine, longer beside other tests."""


@pytest.fixture(scope="module")
def odd_folder(digits_folder, tmp_path_factory) -> Path:
    """`digits_folder` without one validation image, so that two processes have unequal parts."""
    folder = tmp_path_factory.mktemp("data") / digits_folder.name
    shutil.copytree(digits_folder, folder)
    next((folder / "val" / "one").iterdir()).unlink()
    return folder


@pytest.fixture(scope="module")
def training(odd_folder, tmp_path_factory) -> list[str]:
    """Arguments of `parcnet train`: 3 epochs of 7 steps with all kinds of randomness."""
    path = tmp_path_factory.mktemp("recipe") / "short.yaml"
    path.write_text(
        "base: digits\n"
        f"data: {{data_dir: {odd_folder}, batch_size: 8}}\n"
        "schedule: {epochs: 3, warmup_epochs: 0}\n"
        "augmentation: {mixup: 0.5, cutmix: 0.5}\n"
        "network: {drop_path: 0.2}\n"
        "run: {save_every: 2}\n"
    )
    return ["-c", str(path)]


@pytest.fixture(scope="module")
def two_processes(training, tmp_path_factory) -> Path:
    """The run folder of two processes on one node."""
    folder = tmp_path_factory.mktemp("two_processes") / "run"
    KillableRun(training, 2, folder).finish()
    return folder


def test_two_processes_split_the_batch_and_report_it_once(two_processes):
    output = two_processes.with_name("run.log").read_text()
    assert output.count("a batch of 8 is 2 processes x 4 images") == 1
    assert output.count("Next:") == 1
    result = json.loads((two_processes / "result.json").read_text())
    assert result["processes"] == 2
    assert len(lines(two_processes / "steps.jsonl")) == 3 * 7


def test_each_validation_image_counts_once(two_processes, odd_folder):
    loaded = load_checkpoint(two_processes / "best.safetensors")
    metadata = loaded.metadata
    images = loaded.task.open_images(str(odd_folder), "val", metadata)
    assert len(images) == 23
    alone = loaded.task.evaluate(
        loaded.network, evaluation_batches(loaded.task, images, metadata, batch_size=5), metadata
    )
    assert metadata.metrics["val_top1"] == alone.top1
    assert metadata.metrics["val_loss"] == pytest.approx(alone.loss, rel=1e-5)


def test_a_killed_rank_ends_the_other_and_the_restart_resumes_bit_identically(two_processes, training, tmp_path):
    run = KillableRun(training, 2, tmp_path / "run", restarts=3)
    try:
        assert run.reach(9)
        run.kill(random.Random(0))
        run.finish()
    finally:
        run.end()
    assert "resumes from" in (tmp_path / "run.log").read_text()
    assert differences(two_processes, tmp_path / "run") == 0


def started(training, output, rank, port) -> "subprocess.Popen[str]":
    """Starts one of two processes with torchrun's environment but without its supervision."""
    names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    environment = {**os.environ, **{name: str(value) for name, value in names.items()}, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "parcnet", "train", *training, "--device", "cpu", "--log-every", "1"]
    command += ["--output", str(output)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("victim", [1, pytest.param(0, marks=pytest.mark.slow)])
def test_a_rank_that_dies_ends_the_others_within_a_minute_with_one_error(victim, training, tmp_path):
    port = free_port()
    ranks = [started([*training, "--epochs", "1000"], tmp_path / "run", rank, port) for rank in (0, 1)]
    try:
        deadline = time.monotonic() + TIMEOUT
        while len(lines(tmp_path / "run" / "steps.jsonl")) < 3:
            assert all(each.poll() is None for each in ranks), [each.communicate() for each in ranks]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        ranks[victim].send_signal(signal.SIGKILL)
        _, errors = ranks[1 - victim].communicate(timeout=60)
    finally:
        for each in ranks:
            each.kill()
            each.wait()
            each.stdout.close()
            each.stderr.close()
    assert ranks[1 - victim].returncode == 1
    assert "Traceback" not in errors
    (error,) = [line for line in errors.splitlines() if line.startswith("parcnet:")]
    assert "died" in error or "is gone" in error
    assert "--resume auto" in error


@pytest.mark.slow
def test_sigterm_to_one_rank_stops_all_at_the_same_step_with_a_state(training, tmp_path):
    port = free_port()
    ranks = [started([*training, "--epochs", "1000"], tmp_path / "run", rank, port) for rank in (0, 1)]
    try:
        deadline = time.monotonic() + TIMEOUT
        while len(lines(tmp_path / "run" / "steps.jsonl")) < 3:
            assert all(each.poll() is None for each in ranks), [each.communicate() for each in ranks]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        ranks[1].send_signal(signal.SIGTERM)
        errors = "".join(each.communicate(timeout=60)[1] for each in ranks)
    finally:
        for each in ranks:
            each.kill()
            each.wait()
    assert [each.returncode for each in ranks] == [143, 143]
    assert "Traceback" not in errors
    assert errors.count(f"parcnet train --resume {tmp_path / 'run'}") == 1
    done = len(lines(tmp_path / "run" / "steps.jsonl"))
    assert (tmp_path / "run" / "states" / f"step-{done:08d}.safetensors").exists()


def test_two_nodes_give_the_same_run_as_two_processes_of_one_node(two_processes, training, tmp_path):
    port = free_port()
    command = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1"]
    command += ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{port}", "-m", "parcnet", "train", *training]
    command += ["--device", "cpu", "--log-every", "1", "--output", str(tmp_path / "run")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    nodes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    try:
        outputs = [node.communicate(timeout=TIMEOUT)[0] for node in nodes]
    finally:
        for node in nodes:
            node.terminate()  # torchrun ends its children; after SIGKILL they would keep running
            node.wait(timeout=60)
            node.stdout.close()
    assert [node.returncode for node in nodes] == [0, 0], outputs
    assert differences(two_processes, tmp_path / "run") == 0
    assert checkpoint.read_metadata(tmp_path / "run").epoch is not None


@pytest.mark.slow
def test_a_run_resumes_with_another_number_of_processes_and_the_same_batch(two_processes, training, tmp_path):
    shutil.copytree(two_processes, tmp_path / "run")
    for state in sorted((tmp_path / "run" / "states").iterdir())[1:]:
        state.unlink()
    KillableRun(training, 1, tmp_path / "run").finish()
    assert "world: 2 processes x 4 images -> 8 images" in (tmp_path / "run.log").read_text()
    assert len(lines(tmp_path / "run" / "steps.jsonl")) == 3 * 7


@pytest.mark.slow
def test_three_killed_processes_resume_bit_identically(training, tmp_path):
    """Sums of three numbers depend on their order, and DDP reorders its buckets after the first step."""
    three = [*training, "--batch-size", "6"]
    KillableRun(three, 3, tmp_path / "whole").finish()
    run = KillableRun(three, 3, tmp_path / "broken", restarts=2)
    assert run.reach(5)
    run.kill(random.Random(0))
    run.finish()
    assert differences(tmp_path / "whole", tmp_path / "broken") == 0


@pytest.mark.slow
def test_an_error_of_several_processes_is_reported_once(training, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "parcnet"]
    command += ["train", *training, "--batch-size", "7", "--output", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode != 0
    assert done.stderr.count("2 processes cannot share equally") == 1
    assert "Use --batch-size 6, or 1 processes" in done.stderr
