"""Files of another run in the folder are refused by name: nothing is mixed, nothing is lost."""

import json
import shutil
import struct

import pytest

from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.checkpoint.container import to_bytes
from parcnet.training import train
from parcnet.training.run.ownership import LogHashes
from parcnet.training.run.state_files import read_state, states
from parcnet.training.setup import recorder as recorder_setup


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def two(recipe, folders, tmp_path):
    """Copies of two finished runs whose recipes are equal, of other initial weights."""
    if not (folders / "first").exists():
        fields = {"epochs": 2, "save_every": 2}
        train(recipe(output=str(folders / "start"), epochs=1, warmup_epochs=0.0, seed=3))
        train(recipe(output=str(folders / "first"), **fields))
        train(recipe(output=str(folders / "other"), initial_checkpoint=str(folders / "start"), **fields))
    for name in ("first", "other", "start"):
        shutil.copytree(folders / name, tmp_path / name)
    return tmp_path / "first", tmp_path / "other"


def resumed(recipe, run, **fields):
    return train(recipe(output=str(run), epochs=2, save_every=2, **fields), resume="auto")


def test_a_state_of_another_run_is_refused(recipe, two):
    run, other = two
    for state in states(run):
        state.unlink()
    shutil.copy(states(other)[0], run / "states")
    with pytest.raises(UserError, match=r"log.jsonl is not the log of the run that .*step-00000006.* belongs to"):
        resumed(recipe, run)


@pytest.mark.parametrize("name", ["best.safetensors", "last.safetensors", "epoch-0001.safetensors"])
def test_a_checkpoint_of_another_run_is_refused(name, recipe, two):
    run, other = two
    shutil.copy(other / "last.safetensors", run / name)
    with pytest.raises(UserError, match=rf"{name} is a checkpoint of another run"):
        resumed(recipe, run)


def test_a_best_checkpoint_of_another_epoch_is_refused_and_so_is_none(recipe, two):
    run, _ = two
    kept = checkpoint.read(run / "best.safetensors")
    state = states(run)[0]
    values = read_state(state).values
    values["position"]["best"] = {**json.loads((run / "log.jsonl").read_text().splitlines()[0]), "epoch": 1}
    state.write_bytes(to_bytes(read_state(state).tensors, "parcnet.state", json.dumps(values)))
    run_id = checkpoint.read_provenance(run / "best.safetensors").run
    kept.weights["head.fc.bias"] += 1
    other = checkpoint.Metadata(**{**_fields(kept.metadata), "epoch": 1})
    checkpoint.save(run / "best.safetensors", kept.weights, other, run_id)
    with pytest.raises(UserError, match=r"best.safetensors is not the checkpoint of the best epoch, 1"):
        resumed(recipe, run)
    (run / "best.safetensors").unlink()
    with pytest.raises(UserError, match=r"best.safetensors is missing, the checkpoint of the best epoch, 1"):
        resumed(recipe, run)


def _fields(metadata):
    return {name: getattr(metadata, name) for name in metadata.__slots__}


@pytest.mark.parametrize("name", ["log.jsonl", "steps.jsonl"])
@pytest.mark.parametrize("how", ["deleted", "emptied", "cut", "half a line", "altered", "foreign"])
def test_a_log_that_is_not_the_runs_is_refused(name, how, recipe, two):
    run, other = two
    path = run / name
    content = path.read_bytes()
    match how:
        case "deleted":
            path.unlink()
        case "emptied":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(content[: content.index(b"\n")])
        case "half a line":
            path.write_bytes(content[: content.index(b"\n") // 2])
        case "altered":
            path.write_bytes(content.replace(b"1", b"2", 1))
        case "foreign":
            shutil.copy(other / name, path)
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    with pytest.raises(UserError, match=rf"{name} (is missing|was cut to \d+ bytes|is not the log of the run)"):
        resumed(recipe, run)
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before


def test_lines_after_the_state_are_taken_back_and_the_run_goes_on(recipe, two):
    run, _ = two
    content = (run / "steps.jsonl").read_bytes()
    (run / "steps.jsonl").write_bytes(content + b'{"step": 7, "lo')
    resumed(recipe, run)
    assert (run / "steps.jsonl").read_bytes() == content


def test_other_initial_weights_are_another_run_and_none_is_the_same(recipe, two):
    run, other = two
    with pytest.raises(UserError, match=r"network\.initial_checkpoint: other weights than those the run started from"):
        resumed(recipe, run, initial_checkpoint=str(run.parent / "start"))
    resumed(recipe, other)
    resumed(recipe, other, initial_checkpoint=str(run.parent / "start"))


def test_another_processor_is_said_like_other_threads(recipe, two, monkeypatch, capsys):
    monkeypatch.setattr(recorder_setup.torch.backends.cpu, "get_cpu_capability", lambda: "AVX9000")
    resumed(recipe, two[0])
    assert "AVX9000" in capsys.readouterr().err


def test_a_state_of_parcnet_1_0_knows_neither_data_nor_files_and_still_resumes(recipe, two):
    run, _ = two
    for state in states(run):
        values = read_state(state).values
        old = {key: value for key, value in values.items() if key not in ("data", "run", "start", "processor", "files")}
        state.write_bytes(to_bytes(read_state(state).tensors, "parcnet.state", json.dumps(old)))
    (run / "steps.jsonl").write_bytes(b"")
    resumed(recipe, run)


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values.update(recipe="[" * 3),
        lambda values: values["position"].update(epoch=-1),
        lambda values: values["position"].update(losses=["x"]),
        lambda values: values["position"].update(done=True),
        lambda values: values["logs"].update({"log.jsonl": 2**50}),
        lambda values: values.pop("optimizer"),
        lambda values: values.update(classes=None),
        lambda values: values["optimizer"].update(groups=[1]),
        None,
    ],
    ids=["recipe", "epoch", "losses", "done", "length", "no optimizer", "classes", "groups", "depth"],
)
def test_auto_takes_the_state_before_one_with_absurd_values(change, recipe, two, capsys):
    run, _ = two
    newest, before = states(run)
    state = read_state(newest)
    values = json.loads(json.dumps(state.values))
    text = '{"format": ' + "[" * 100_000 + "]" * 100_000 + "}"
    if change is not None:
        change(values)
        text = json.dumps(values)
    newest.write_bytes(to_bytes(state.tensors, "parcnet.state", text))
    with pytest.raises(UserError, match=f"{newest.name} is damaged"):
        read_state(newest)
    resumed(recipe, run)
    said = capsys.readouterr()
    assert f"{newest} is damaged" in said.err
    assert f"resumes from {before}" in said.out


def test_a_log_is_hashed_as_it_grows(tmp_path):
    path, hashes = tmp_path / "log", LogHashes()
    assert hashes.up_to(path, 0) == LogHashes().up_to(path, 0)
    assert hashes.up_to(path, 3) is None
    path.write_bytes(b"abcdef")
    first = hashes.up_to(path, 3)
    assert first == LogHashes().up_to(path, 3)
    assert hashes.up_to(path, 6) == LogHashes().up_to(path, 6) != first
    assert hashes.up_to(path, 7) is None


def test_a_header_of_huge_length_is_refused(two):
    path = states(two[0])[0]
    path.write_bytes(struct.pack("<Q", 2**62) + path.read_bytes()[8:])
    with pytest.raises(UserError, match=path.name):
        read_state(path)
