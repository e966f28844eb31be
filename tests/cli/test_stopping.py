"""A run at a real prompt that is stopped, and goes on by the command it prints."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from functools import partial

import pytest

from parcnet_lab.bench.faults import lines


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_a_stopped_run_says_the_command_that_goes_on(number, code, parcnet, tmp_path):
    run = tmp_path / "run"
    options = ["--epochs", "4", "--device", "cpu", "--log-every", "1", "--workers", "1", "--output", str(run)]
    command = [sys.executable, "-m", "parcnet", "train", *options]
    # a shell's background jobs ignore Ctrl-C, and so would every child of tests that run as one
    listen = partial(signal.signal, number, signal.SIG_DFL)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=listen, start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        while len(lines(run / "steps.jsonl")) < 3:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(process.pid, number)  # as a terminal and SLURM do: those that read images hear it too
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    assert process.returncode == code
    assert "Traceback" not in said
    done = len(lines(run / "steps.jsonl"))
    assert done < 4 * 39

    going_on = next(line for line in said.splitlines() if line.strip().startswith("parcnet train --resume"))
    again = parcnet(*shlex.split(going_on)[1:])
    assert again.code == 0
    assert f"{done} steps taken" in again.out
    assert len(lines(run / "steps.jsonl")) == 4 * 39
    assert json.loads((run / "result.json").read_text())["test"]["top1"] > 0.5
