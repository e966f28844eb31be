import dataclasses
import json
import os
import struct
from pathlib import Path

import pytest
import safetensors.torch
import torch

from parcnet.base import UserError
from parcnet.checkpoint import Metadata, read, read_metadata, save

METADATA = Metadata(
    model="parcnetv2_digits",
    model_args={"num_classes": 2, "img_size": 32, "kernel_fit": "interpolate"},
    classes=("Grüße", "0"),
    preprocessing={"size": [32, 32], "mean": [0.5], "std": [0.5]},
    data="digits",
    epoch=7,
    metrics={"top1": 98.5},
    recipe={"optimizer": {"lr": 1e-3, "clip_grad": None}},
)


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "best.safetensors"
    save(path, {"weight": torch.arange(6.0).reshape(2, 3), "count": torch.tensor(3)}, METADATA)
    return path


def edit_header(path: Path, change):
    """Rewrites the safetensors header as `change` leaves it, and keeps the tensors."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    change(header["__metadata__"])
    edited = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(edited)) + edited + content[8 + length :])


def edit_metadata(path: Path, change):
    def change_ours(header):
        ours = json.loads(header["parcnet"])
        change(ours)
        header["parcnet"] = json.dumps(ours)

    edit_header(path, change_ours)


def test_round_trip(checkpoint):
    found = read(checkpoint)
    assert found.metadata == METADATA == read_metadata(checkpoint)
    assert found.weights.keys() == {"weight", "count"}
    assert torch.equal(found.weights["weight"], torch.arange(6.0).reshape(2, 3))
    assert found.weights["count"].item() == 3


def test_safetensors_alone_reads_the_weights(checkpoint):
    assert safetensors.torch.load_file(checkpoint).keys() == {"weight", "count"}


@pytest.mark.parametrize(
    "tensor",
    [
        torch.randn(3, 4).bfloat16(),
        torch.randn(3, 4).half(),
        torch.randn(3, 4).t(),
        torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        torch.randn(8)[::2],
        torch.randn(1).expand(5),
        torch.empty(0, 3),
        torch.tensor(True),
        torch.nn.Parameter(torch.randn(2)),
    ],
    ids=["bf16", "fp16", "transposed", "channels_last", "strided", "expanded", "empty", "bool", "parameter"],
)
def test_every_kind_of_tensor_comes_back_equal(tmp_path, tensor):
    save(tmp_path / "a.safetensors", {"x": tensor}, METADATA)
    found = read(tmp_path / "a.safetensors").weights["x"]
    assert found.dtype == tensor.dtype
    assert torch.equal(found, tensor)


def test_tied_weights_are_stored_under_both_names(tmp_path):
    tied = torch.randn(3)
    save(tmp_path / "a.safetensors", {"embed": tied, "head": tied, "part": tied[1:]}, METADATA)
    found = read(tmp_path / "a.safetensors").weights
    assert torch.equal(found["embed"], found["head"])
    assert torch.equal(found["part"], tied[1:])


def test_a_run_folder_means_its_best(checkpoint):
    save(checkpoint.with_name("last.safetensors"), {}, dataclasses.replace(METADATA, epoch=9))
    assert read(checkpoint.parent).metadata.epoch == 7


def test_saving_twice_replaces_what_was_read(checkpoint):
    before = read(checkpoint).weights["weight"]
    save(checkpoint, {"weight": torch.zeros(2, 3)}, METADATA)
    assert torch.equal(before, torch.arange(6.0).reshape(2, 3))


def test_a_failing_save_keeps_the_old_checkpoint(checkpoint, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UserError, match="No space left"):
        save(checkpoint, {"weight": torch.zeros(1)}, METADATA)
    assert read(checkpoint).weights["weight"].shape == (2, 3)


def test_a_file_that_is_not_there_lists_those_that_are(checkpoint):
    with pytest.raises(UserError, match=r"there is no file .*bset.safetensors.* has best\.safetensors\."):
        read(checkpoint.with_name("bset.safetensors"))


def test_a_folder_without_a_checkpoint(tmp_path):
    with pytest.raises(UserError, match=r"has no best.safetensors: .* has no \*\.safetensors file"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (".", "^the current folder has no best.safetensors: .* the current folder has last.safetensors.$"),
        ("", "^the current folder has no best.safetensors: .* the current folder has last.safetensors.$"),
        ("bset.safetensors", "^there is no file bset.safetensors: .* the current folder has last.safetensors.$"),
    ],
)
def test_the_current_folder_is_called_so(asked, said, checkpoint, monkeypatch):
    checkpoint.rename(checkpoint.with_name("last.safetensors"))
    monkeypatch.chdir(checkpoint.parent)
    with pytest.raises(UserError, match=said):
        read(asked)


@pytest.mark.parametrize("left", [0, 4, 30, -1])
def test_a_truncated_file(checkpoint, left):
    checkpoint.write_bytes(checkpoint.read_bytes()[:left])
    with pytest.raises(UserError, match=f"{checkpoint} is truncated or not a safetensors file"):
        read(checkpoint)


def test_a_flipped_bit_in_the_weights(checkpoint):
    content = bytearray(checkpoint.read_bytes())
    content[-3] ^= 1
    checkpoint.write_bytes(content)
    with pytest.raises(UserError, match="altered or damaged"):
        read(checkpoint)


def test_edited_metadata(checkpoint):
    edit_metadata(checkpoint, lambda ours: ours["classes"].reverse())
    with pytest.raises(UserError, match="altered or damaged"):
        read(checkpoint)


def test_a_pickle_is_not_opened_but_explained(tmp_path):
    for legacy in (False, True):
        torch.save({"x": torch.zeros(1)}, tmp_path / "official.pth", _use_new_zipfile_serialization=not legacy)
        with pytest.raises(UserError, match=r"pickle.*parcnet\.load_official_weights\(model, '.*official\.pth'\)"):
            read(tmp_path / "official.pth")


def test_safetensors_of_another_program_are_refused(tmp_path):
    safetensors.torch.save_file({"x": torch.zeros(1)}, tmp_path / "theirs.safetensors")
    with pytest.raises(UserError, match="no parcnet metadata"):
        read(tmp_path / "theirs.safetensors")


def test_a_newer_format_asks_for_an_upgrade(checkpoint):
    edit_metadata(checkpoint, lambda ours: ours.update(format=2, surprise=1))
    with pytest.raises(UserError, match=r"best\.safetensors: its format is 2, this parcnet reads 1: upgrade parcnet"):
        read(checkpoint)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda ours: ours.pop("classes"), "missing or unknown fields: classes"),
        (lambda ours: ours.update(surprise=1), "surprise"),
        (lambda ours: ours.update(model=3), "model must be str, not 3"),
        (lambda ours: ours.update(classes=[1, 2]), "classes must be names"),
        (lambda ours: ours.update(classes=None), "damaged"),
        (lambda ours: ours.update(epoch="7"), "epoch must be int or None, not '7'"),
        (lambda ours: ours.pop("format"), "format number"),
    ],
)
def test_metadata_that_is_not_as_we_write_it(checkpoint, change, complaint):
    edit_metadata(checkpoint, change)
    with pytest.raises(UserError, match=complaint):
        read_metadata(checkpoint)


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '"x"'])
def test_metadata_that_is_no_object(checkpoint, text):
    edit_header(checkpoint, lambda header: header.update(parcnet=text))
    with pytest.raises(UserError, match="not a JSON object with a format number"):
        read_metadata(checkpoint)


def test_metadata_has_no_absolute_path():
    with pytest.raises(ValueError, match="absolute"):
        dataclasses.replace(METADATA, data="/home/me/cats")


def test_versions_and_time_are_filled_in():
    assert METADATA.versions["torch"]
    assert METADATA.created.endswith("+00:00")
