import json

import pytest

from parcnet.base import UserError
from parcnet.recipes import Recipe, Run, read_recipe, to_yaml
from parcnet.training.run.folder import RunFolder, run_folder


def empty_folder(recipe):
    folder = run_folder(recipe)
    folder.check_empty()
    return folder


def test_without_output_each_run_gets_a_new_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chosen = []
    for _ in range(3):
        folder = empty_folder(Recipe(name="mine"))
        folder.begin(Recipe(name="mine"))
        chosen.append(folder.path)
    assert len(set(chosen)) == 3
    assert all(str(path).startswith("runs/mine-2") for path in chosen)


def test_a_nonempty_folder_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"not empty.*never overwrites"):
        empty_folder(Recipe(run=Run(output=str(tmp_path))))


def test_a_folder_with_only_the_recipe_of_a_run_may_be_used_again(tmp_path):
    recipe = Recipe(name="mine", run=Run(output=str(tmp_path / "run"), seed=3))
    empty_folder(recipe).begin(recipe)
    empty_folder(recipe).begin(Recipe(name="mine", run=Run(seed=4)))
    assert read_recipe(tmp_path / "run" / "recipe.yaml").run.seed == 4


@pytest.mark.parametrize(
    "files",
    [
        {"log.jsonl": ""},
        {"recipe.yaml": to_yaml(Recipe()), "log.jsonl": ""},
        {"recipe.yaml": to_yaml(Recipe()), "last.safetensors": ""},
        {"recipe.yaml": "# hand-written notes\n" + to_yaml(Recipe())},
        {"recipe.yaml": "base: digits\n"},
        {"recipe.yaml": "not a recipe"},
    ],
    ids=lambda files: "+".join(files),
)
def test_other_files_are_never_overwritten(files, tmp_path):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match="never overwrites"):
        empty_folder(Recipe(run=Run(output=str(tmp_path))))


def test_a_name_that_the_file_system_rejects_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"cannot use output .*too long"):
        empty_folder(Recipe(run=Run(output=str(tmp_path / ("x" * 300)))))


def test_a_file_is_not_a_run_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        empty_folder(Recipe(run=Run(output=str(tmp_path / "file"))))


def test_the_saved_recipe_starts_a_new_run_in_a_new_folder(tmp_path):
    recipe = Recipe(name="mine", run=Run(output=str(tmp_path / "run"), seed=3))
    folder = empty_folder(recipe)
    folder.begin(recipe)
    saved = read_recipe(folder.recipe)
    assert (saved.name, saved.run.seed, saved.run.output) == ("mine", 3, None)


def test_lines_are_appended_to_the_log(tmp_path):
    folder = empty_folder(Recipe(run=Run(output=str(tmp_path))))
    for epoch in (1, 2):
        folder.append(folder.log, [{"epoch": epoch}])
    assert [json.loads(line) for line in folder.log.read_text().splitlines()] == [{"epoch": 1}, {"epoch": 2}]


def test_a_locked_folder_is_refused(tmp_path):
    folder = RunFolder(tmp_path / "run")
    with folder.locked():
        with pytest.raises(UserError, match="another run is writing to"), RunFolder(tmp_path / "run").locked():
            pass
        with RunFolder(tmp_path / "other").locked():
            pass
    with folder.locked():
        assert list(folder.path.iterdir()) == []
