"""The folder of a page: complete, self-contained, and never written over other files."""

import json
import re
import shutil
from pathlib import Path

import pytest
import timm
import torch

from parcnet.base import UserError
from parcnet.data import Preprocessing, open_image
from parcnet.deploy import open_exported
from parcnet.deploy.page import page
from parcnet.deploy.page.examples import add_examples
from parcnet.explain import gradcam
from parcnet.tasks.loading import load_checkpoint
from parcnet_cli.main import main

IMPORTED = re.compile(r"""(?:from|import|new URL\()\s*\(?["']([^"']+\.(?:js|mjs|json))["']""")
REFERRED = re.compile(r"""(?:src|href)="([^"#]+)"|url\(["']?([^"')]+)""")


def test_all_that_its_files_refer_to_is_there_and_nothing_is_elsewhere(plain) -> None:
    own = [path for path in plain.folder.rglob("*") if path.suffix in (".html", ".css", ".js", ".svg")]
    assert {path.suffix for path in own} == {".html", ".css", ".js", ".svg"}
    found = 0
    for path in own:
        text = path.read_text("utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"\w+://|[\"'(]//\w", text), path
        for target in IMPORTED.findall(text) + [a or b for a, b in REFERRED.findall(text)]:
            assert (path.parent / target).is_file(), (path, target)
            found += 1
    assert found > 10
    html = (plain.folder / "index.html").read_text("utf-8")
    assert "default-src 'self'" in html
    assert not re.search(r"<style|<script(?![^>]*src)|\son\w+=|\sstyle=", html)


def test_the_card_tells_classes_preprocessing_files_and_examples(plain, network) -> None:
    card = json.loads((plain.folder / "card.json").read_text("utf-8"))
    metadata = load_checkpoint(network).metadata
    assert card["classes"] == list(metadata.classes)
    assert card["preprocessing"] == metadata.preprocessing
    for part in ("network", "runtime"):
        assert (plain.folder / card[part]["file"]).stat().st_size == card[part]["bytes"]
    assert (plain.folder / card["runtime"]["script"]).is_file()
    assert [example["credit"].split(",")[1].strip() for example in card["examples"]] == ["CC BY 2.0"] * 2
    assert all((plain.folder / example["file"]).is_file() for example in card["examples"])
    assert "Microsoft" in (plain.folder / "runtime" / "LICENSE.txt").read_text("utf-8")
    assert sum(path.stat().st_size for path in plain.folder.rglob("*") if path.is_file()) == plain.bytes


def test_its_network_answers_pixels_with_logits_and_the_heat_of_parcnet_explain(plain, network, photographs) -> None:
    file = open_exported(plain.export.path)
    assert file.info.outputs == ("logits", "heat")
    assert file.info.request.pixels
    assert (plain.no_heat, plain.export.parity.agreement) == (None, 1)
    pixels = file.preprocessing.transform()(open_image(photographs[0]))[None]
    logits, heat = file.outputs(pixels)
    loaded = load_checkpoint(network)
    own, metadata = loaded.network, loaded.metadata
    preprocessing = Preprocessing.from_dict(metadata.preprocessing)
    image = preprocessing.transform()(open_image(photographs[0]))[None]
    torch.testing.assert_close(logits, own.eval()(image), rtol=1e-3, atol=1e-3)
    assert tuple(heat.shape) == (1, 12, 4, 5)
    for target in (0, 7):
        wanted = torch.from_numpy(gradcam(own, image, target=target).maps)
        torch.testing.assert_close(heat[:, target].relu() / heat.std(), wanted / heat.std(), rtol=1e-3, atol=1e-3)


def test_the_command_replaces_an_earlier_page_and_says_what_is_missing_and_how_to_open_it(
    plain, package, photographs, tmp_path, capsys
) -> None:
    folder = tmp_path / "page"
    shutil.copytree(plain.folder, folder)
    (folder / "stale.txt").write_text("of the earlier page")
    options = ["--title", "<b>Kinds</b>", "--example", str(photographs[1]), "--onnxruntime-web", str(package)]
    assert main(["page", "test_vit", "-o", str(folder), *options]) == 0
    said = capsys.readouterr()
    assert f"python -m http.server --bind 127.0.0.1 -d {folder}" in said.out
    assert (
        "the page has no class activation maps: the features of this VisionTransformer are not a feature map"
        in said.err
    )
    assert not (folder / "stale.txt").exists()
    card = json.loads((folder / "card.json").read_text("utf-8"))
    assert card["title"] == "<b>Kinds</b>"
    assert [each["name"] for each in card["examples"]] == ["flower.jpg"]
    assert (card["network"]["trained"], "not a feature map" in card["no_heat"]) == (False, True)
    assert open_exported(folder / "network.onnx").info.outputs == ("logits",)
    assert list(tmp_path.iterdir()) == [folder]


def test_another_folder_is_left_alone(network, package, tmp_path) -> None:
    (tmp_path / "card.json").write_text('{"made_by": "somebody"}')
    with pytest.raises(UserError, match="not a page written by parcnet"):
        page(network, tmp_path, onnxruntime_web=package)
    assert [path.name for path in tmp_path.iterdir()] == ["card.json"]
    with pytest.raises(UserError, match="not a page written by parcnet"):
        page(network, tmp_path / "card.json", onnxruntime_web=package)


def test_when_it_fails_nothing_is_kept_and_an_earlier_page_stays(
    plain, network, package, tmp_path, monkeypatch
) -> None:
    def refuse(*_, **__):
        raise UserError("the onnx file is not kept")

    folder = tmp_path / "page"
    shutil.copytree(plain.folder, folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    monkeypatch.setattr("parcnet.deploy.page.build.export", refuse)
    with pytest.raises(UserError, match="is not kept"):
        page(network, folder, onnxruntime_web=package)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert list(tmp_path.iterdir()) == [folder]


def test_what_has_no_classes_is_refused(package, tmp_path) -> None:
    with pytest.raises(UserError, match="without classes"):
        page(timm.create_model("test_resnet", num_classes=0), tmp_path / "page", onnxruntime_web=package)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "content"), [("broken.jpg", b"no picture"), ("scan.tif", b"")])
def test_an_example_that_no_browser_shows_is_refused(name, content, network, package, tmp_path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=re.escape(name)):
        page(network, tmp_path / "page", onnxruntime_web=package, examples=[tmp_path / name])


def test_digits_are_the_examples_of_a_network_that_was_trained_on_them(tmp_path) -> None:
    found = add_examples(tmp_path, (), "digits")
    assert [example.name for example in found] == ["digit-3.png", "digit-7.png"]
    assert all(open_image(tmp_path / example.file).size == (8, 8) for example in found)


def test_a_folder_that_is_not_the_package_is_refused(network, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not an unpacked onnxruntime-web"):
        page(network, tmp_path / "page", onnxruntime_web=tmp_path)


def _npm(folder: Path, script: str) -> None:
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (None, "apt install npm"),
        ("echo 'npm error code ENOTFOUND' >&2; exit 1", "ENOTFOUND"),
        ("echo other > onnxruntime-web-1.30.0.tgz", "differs from the published one"),
    ],
)
def test_without_npm_or_with_another_archive_the_remedy_is_named(script, words, network, tmp_path, monkeypatch) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    if script is not None:
        _npm(programs, script)
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(UserError, match=words):
        page(network, tmp_path / "page")
    assert not (tmp_path / "page").exists()
