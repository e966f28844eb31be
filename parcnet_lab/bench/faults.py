"""Fault injection: a run killed at random steps must be bit-identical to an uninterrupted one."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from parcnet.base import UserError
from parcnet.base.console import Advance

_POLL = 0.01
_LONGEST = 1800.0
"""Seconds after which a run counts as hanging."""
_EXACT = ("step", "epoch", "loss", "grad_norm", "lr", "updated", "train_loss", "val_loss", "val_top1")
"""Fields of a log line that the recipe determines; times and memory are not among them."""


def measure(
    training: Sequence[str], kills: int, processes: int, seed: int, folder: Path, note: Advance
) -> dict[str, Any]:
    """One row: an uninterrupted run of `parcnet train TRAINING`, and the same killed `kills` times at random steps.

    A single process is killed and started again; of several, one at random is killed and torchrun restarts all. Raises
    `UserError` with the end of the output of a run that fails or hangs without being killed.
    """
    chance = random.Random(seed)
    started = time.monotonic()
    whole = folder / f"whole-{processes}"
    KillableRun(training, processes, whole).finish()
    alone = time.monotonic() - started
    note(1, "the uninterrupted run")
    steps = len(lines(whole / "steps.jsonl"))
    broken = folder / f"broken-{processes}"
    killed_at = []
    run = KillableRun(training, processes, broken, restarts=2 * kills)
    try:
        for target in sorted(chance.choices(range(1, steps), k=kills)):
            if not run.reach(target, extra=chance.random() * alone / steps):
                break
            killed_at.append(len(lines(broken / "steps.jsonl")))
            run.kill(chance)
            note(1, f"killed at step {killed_at[-1]} of {steps}")
        run.finish()
    finally:
        run.end()
    return {
        "processes": processes,
        "kills": len(killed_at),
        "killed_at": killed_at,
        "steps": steps,
        "unequal": differences(whole, broken),
        "seconds_alone": round(alone, 1),
        "seconds": round(time.monotonic() - started - alone, 1),
    }


class KillableRun:
    """A training run in separate processes that can be killed; `--resume auto` resumes it at every start."""

    def __init__(self, training: Sequence[str], processes: int, output: Path, restarts: int = 0) -> None:
        self.output = output
        launcher: list[str] = []
        if processes > 1:
            launcher = ["torch.distributed.run", "--nproc-per-node", str(processes), "--master-port", str(free_port())]
            launcher += ["--max-restarts", str(restarts), "-m"]
        command = [
            sys.executable,
            "-m",
            *launcher,
            "parcnet",
            "train",
            *training,
            "--device",
            "cpu",
            "--log-every",
            "1",
        ]
        self._command = [*command, "--output", str(output), "--resume", "auto"]
        self._elastic = processes > 1
        self._said = output.with_name(f"{output.name}.log")
        self._process = self._start()

    def reach(self, step: int, extra: float = 0.0) -> bool:
        """Waits until the log has `step` steps, then `extra` seconds; False if the run ended before."""
        deadline = time.monotonic() + _LONGEST
        while len(lines(self.output / "steps.jsonl")) < step:
            if self._process.poll() is not None:
                return False
            self._hung(deadline)
            time.sleep(_POLL)
        time.sleep(extra)
        return self._process.poll() is None

    def kill(self, chance: random.Random) -> None:
        """Sends SIGKILL: to a single process, which is started again, or to one of torchrun's children."""
        if not self._elastic:
            self.end()
            self._process = self._start()
            return
        children = _children(self._process.pid)
        if children:
            os.kill(chance.choice(children), signal.SIGKILL)

    def finish(self) -> None:
        """Waits for the end; raises `UserError` with the end of the output of a run that failed."""
        deadline = time.monotonic() + _LONGEST
        while self._process.poll() is None:
            self._hung(deadline)
            time.sleep(_POLL)
        if self._process.returncode:
            said = self._said.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise UserError(f"{' '.join(self._command)} failed (exit code {self._process.returncode}):\n{said}")

    def end(self) -> None:
        """Kills the remaining processes."""
        for child in (*_children(self._process.pid), self._process.pid):
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait()

    def _start(self) -> "subprocess.Popen[bytes]":
        self.output.parent.mkdir(parents=True, exist_ok=True)
        with self._said.open("ab") as said:
            # one thread: processes share few cores, and losses depend on the number of threads
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            return subprocess.Popen(self._command, stdout=said, stderr=said, env=environment)

    def _hung(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            self.end()
            raise UserError(f"{' '.join(self._command)} ran longer than {_LONGEST:.0f} s; its output: {self._said}")


def lines(log: Path) -> list[dict[str, Any]]:
    """The complete lines of a JSON log; none if the file does not exist."""
    try:
        text = log.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def differences(one: Path, other: Path) -> int:
    """The number of log lines and weights in which two run folders differ; 0: they are bit-equal."""
    count = 0
    for name in ("steps.jsonl", "log.jsonl"):
        first, second = lines(one / name), lines(other / name)
        count += abs(len(first) - len(second))
        count += sum(_exact(a) != _exact(b) for a, b in zip(first, second, strict=False))
    for name in ("best.safetensors", "last.safetensors"):
        weights, others = load_file(one / name), load_file(other / name)
        count += len(weights.keys() ^ others.keys())
        count += sum(weights[each].tobytes() != others[each].tobytes() for each in weights.keys() & others.keys())
    return count


def free_port() -> int:
    """A free TCP port of this machine."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _exact(line: Mapping[str, Any]) -> dict[str, Any]:
    return {key: line[key] for key in _EXACT if key in line}


def _children(pid: int) -> list[int]:
    """The child processes of `pid` (Linux)."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
