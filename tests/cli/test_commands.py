"""What each command does when all is well."""

import json
import shutil

import pytest
from PIL import Image

from parcnet import checkpoint
from parcnet.recipes import packaged


def test_train_writes_what_eval_measures(trained, parcnet):
    result = json.loads((trained / "result.json").read_text())
    said = parcnet("eval", trained, "--split", "test", "--device", "cpu", "--json").json()
    assert (said["data"], said["split"], said["images"]) == ("digits", "test", 360)
    assert said["top1"] == result["test"]["top1"]
    assert said["loss"] == pytest.approx(result["test"]["loss"], rel=1e-4)


def test_the_command_in_result_json_can_be_run_again(trained):
    command = json.loads((trained / "result.json").read_text())["command"]
    assert command.startswith("parcnet train --epochs 2 ")


def test_eval_prints_a_table_and_draws_the_confusion(trained, parcnet, tmp_path):
    said = parcnet("eval", trained / "last.safetensors", "--confusion", tmp_path / "c.png")
    assert said.code == 0
    assert "top-1" in said.out
    assert "360" in said.out
    with Image.open(tmp_path / "c.png") as image:
        assert image.width > 300


def test_eval_matches_folder_classes_by_name_and_says_which_are_absent(trained, digit_files, parcnet):
    said = parcnet("eval", trained, "--data-dir", digit_files, "--json")
    assert said.json()["split"] == "val"  # there is no test/
    assert said.json()["images"] == 24
    assert "8 of the checkpoint's 10 classes have no image" in said.err


def test_eval_names_unreadable_images_up_to_the_limit(trained, digit_files, parcnet, tmp_path):
    shutil.copytree(digit_files, tmp_path / "data")
    (tmp_path / "data" / "val" / "3" / "broken.png").write_bytes(b"")
    stopped = parcnet("eval", trained, "--data-dir", tmp_path / "data")
    assert stopped.code == 2
    assert "broken.png" in stopped.err
    assert "--max-bad-images" in stopped.err
    said = parcnet("eval", trained, "--data-dir", tmp_path / "data", "--max-bad-images", 1, "--json")
    assert (said.code, said.json()["images"]) == (0, 24)


def test_predict_names_classes_with_probabilities(trained, digit_files, parcnet):
    images = sorted((digit_files / "val" / "3").iterdir())[:2]
    said = parcnet("predict", trained, *images, "-k", 3, "--json").json()
    assert [entry["image"] for entry in said] == list(map(str, images))
    for entry in said:
        shares = [each["probability"] for each in entry["top"]]
        assert len(shares) == 3
        assert shares == sorted(shares, reverse=True)
        assert 0 < sum(shares) <= 1.000001


def test_predict_for_people(trained, digit_files, parcnet):
    image = next((digit_files / "val" / "4").iterdir())
    said = parcnet("predict", trained, image)
    assert said.code == 0
    assert said.out.splitlines()[0] == str(image)
    assert len(said.out.splitlines()) == 6
    assert "%" in said.out


def test_predict_reports_an_unreadable_image_and_goes_on(trained, digit_files, parcnet, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    image = next((digit_files / "val" / "4").iterdir())
    said = parcnet("predict", trained, tmp_path / "broken.jpg", image, "nowhere.png", "--json")
    assert said.code == 1
    first, second, third = said.json()
    assert ("error" in first, "top" in second, "error" in third) == (True, True, True)
    assert "broken.jpg" in said.err
    assert "nowhere.png" in said.err


def test_models_lists_every_network_and_marks_the_papers_figures(parcnet):
    table = parcnet("models").out
    assert "paper's top-1" in table
    assert "not ours" in table
    entries = {entry["name"]: entry for entry in parcnet("models", "--json").json()}
    assert {"parcnetv2_xt", "parcnetv2_tiny", "parcnetv2_small", "parcnetv2_base", "parcnetv2_digits"} <= set(entries)
    assert all(name in table for name in entries)
    assert entries["parcnetv2_tiny"]["paper_top1"] == 83.5
    assert entries["parcnetv2_digits"]["paper_top1"] is None
    assert entries["parcnetv2_10m"]["paper_condition"] == "100 epochs"
    assert "73.7 % (100 epochs)" in parcnet("models", "--markdown").out


def test_recipes_lists_every_packaged_one(parcnet):
    said = parcnet("recipes").out
    assert all(name in said for name in packaged())


def test_flags_override_the_recipe_file(parcnet, digit_files, tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "base: digits\nschedule:\n  epochs: 50\n  warmup_epochs: 0\ndata:\n  batch_size: 8\n"
    )
    said = parcnet(
        *("train", "-c", tmp_path / "mine.yaml", "--data-dir", digit_files, "--epochs", 1, "--lr", "1e-3"),
        *("--model", "parcnetv2_digits", "--device", "cpu", "--scale", "0.5", "1", "--output", tmp_path / "run"),
    )
    assert said.code == 0, said.err
    recipe = checkpoint.read_metadata(tmp_path / "run").recipe
    assert (recipe["name"], recipe["data"]["batch_size"], recipe["optimizer"]["lr"]) == ("mine", 8, 1e-3)
    assert (recipe["schedule"]["epochs"], recipe["augmentation"]["scale"]) == (1, [0.5, 1.0])
    assert "its metrics are optimistic" in " ".join(said.out.split())
    assert f"--data-dir {digit_files}" in said.out
