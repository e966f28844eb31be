import json

import pytest

from parcnet.base import UserError
from parcnet.recipes import Recipe, Run, read_recipe, to_yaml
from parcnet.training.run.folder import RunFolder, run_folder


def vacant_folder(recipe):
    folder = run_folder(recipe)
    folder.check_vacant()
    return folder


def test_without_output_a_new_folder_is_chosen_each_time(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chosen = []
    for _ in range(3):
        folder = vacant_folder(Recipe(name="mine"))
        folder.begin(Recipe(name="mine"))
        chosen.append(folder.path)
    assert len(set(chosen)) == 3
    assert all(str(path).startswith("runs/mine-2") for path in chosen)


def test_a_folder_with_anything_in_it_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"not empty.*never overwrites"):
        vacant_folder(Recipe(run=Run(output=str(tmp_path))))


def test_a_run_that_left_its_recipe_alone_may_be_tried_again(tmp_path):
    recipe = Recipe(name="mine", run=Run(output=str(tmp_path / "run"), seed=3))
    vacant_folder(recipe).begin(recipe)
    vacant_folder(recipe).begin(Recipe(name="mine", run=Run(seed=4)))
    assert read_recipe(tmp_path / "run" / "recipe.yaml").run.seed == 4


@pytest.mark.parametrize(
    "files",
    [
        {"log.jsonl": ""},
        {"recipe.yaml": to_yaml(Recipe()), "log.jsonl": ""},
        {"recipe.yaml": to_yaml(Recipe()), "last.safetensors": ""},
        {"recipe.yaml": "# notes of a person\n" + to_yaml(Recipe())},
        {"recipe.yaml": "base: digits\n"},
        {"recipe.yaml": "no recipe"},
    ],
    ids=lambda files: "+".join(files),
)
def test_whatever_else_is_there_is_kept(files, tmp_path):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match="never overwrites"):
        vacant_folder(Recipe(run=Run(output=str(tmp_path))))


def test_a_name_the_file_system_refuses(tmp_path):
    with pytest.raises(UserError, match=r"cannot use output .*too long"):
        vacant_folder(Recipe(run=Run(output=str(tmp_path / ("x" * 300)))))


def test_a_file_is_no_run_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        vacant_folder(Recipe(run=Run(output=str(tmp_path / "file"))))


def test_the_kept_recipe_starts_a_new_run_beside_the_old_one(tmp_path):
    recipe = Recipe(name="mine", run=Run(output=str(tmp_path / "run"), seed=3))
    folder = vacant_folder(recipe)
    folder.begin(recipe)
    kept = read_recipe(folder.recipe)
    assert (kept.name, kept.run.seed, kept.run.output) == ("mine", 3, None)


def test_the_log_grows_by_whole_lines(tmp_path):
    folder = vacant_folder(Recipe(run=Run(output=str(tmp_path))))
    for epoch in (1, 2):
        folder.append(folder.log, [{"epoch": epoch}])
    assert [json.loads(line) for line in folder.log.read_text().splitlines()] == [{"epoch": 1}, {"epoch": 2}]


def test_two_runs_never_write_into_one_folder(tmp_path):
    folder = RunFolder(tmp_path / "run")
    with folder.locked():
        with pytest.raises(UserError, match="another run is writing into"), RunFolder(tmp_path / "run").locked():
            pass
        with RunFolder(tmp_path / "other").locked():
            pass
    with folder.locked():
        assert list(folder.path.iterdir()) == []
