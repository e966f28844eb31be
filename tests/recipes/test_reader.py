import dataclasses

import pytest

from parcnet.base import UserError
from parcnet.recipes import Recipe, packaged, read_recipe, to_yaml


@pytest.fixture
def recipe_file(tmp_path):
    def write(text, name="mine.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("name", packaged())
def test_a_resolved_recipe_round_trips_through_yaml(name, recipe_file):
    recipe = read_recipe(name)
    assert read_recipe(recipe_file(to_yaml(recipe))) == recipe


def test_omitted_fields_keep_their_defaults(recipe_file):
    assert read_recipe(recipe_file("optimizer:\n  lr: 0.5\n")) == dataclasses.replace(
        Recipe(name="mine"), optimizer=dataclasses.replace(Recipe().optimizer, lr=0.5)
    )


def test_an_empty_file_gives_the_defaults(recipe_file):
    assert read_recipe(recipe_file("# nothing\n")) == Recipe(name="mine")


def test_omitted_fields_come_from_the_base(recipe_file):
    recipe = read_recipe(recipe_file("base: imagenet1k_small\nschedule:\n  epochs: 100\n"))
    assert (recipe.network.model, recipe.schedule.epochs, recipe.schedule.warmup_epochs) == ("parcnetv2_small", 100, 20)
    assert recipe.name == "mine"


def test_the_base_may_be_a_relative_file(recipe_file):
    recipe_file("run:\n  seed: 7\n", "other.yaml")
    assert read_recipe(recipe_file("base: other.yaml\n")).run.seed == 7


def test_circular_bases_are_an_error(recipe_file):
    recipe_file("base: b.yaml\n", "a.yaml")
    with pytest.raises(UserError, match="circular base recipes"):
        read_recipe(recipe_file("base: a.yaml\n", "b.yaml"))


@pytest.mark.parametrize("number", ["4e-3", "4.0e-3", "0.004", ".004"])
def test_scientific_notation_is_a_number(number, recipe_file):
    assert read_recipe(recipe_file(f"optimizer:\n  lr: {number}\n")).optimizer.lr == 0.004


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optimizer:\n  learning_rate: 1\n", "unknown key 'optimizer.learning_rate'"),
        ("optimizer:\n  weigth_decay: 1\n", "Did you mean optimizer.weight_decay"),
        ("schedule:\n  lr: 1e-3\n", "Did you mean optimizer.lr"),
        ("lr: 1e-3\n", "Did you mean optimizer.lr"),
        ("seed: 1\n", "Did you mean run.seed"),
        ("optimiser:\n  lr: 1\n", "Did you mean optimizer or"),
        ("optim:\n  lr: 1\n", "Did you mean optimizer or optimizer.opt"),
        ("augment:\n  hflip: 0\n", "Did you mean augmentation or"),
        ("nam: mine\n", "Did you mean name or"),
        ("zzzzzz: 1\n", "Sections: network, data, augmentation, optimizer, schedule, run"),
        ("optimizer:\n  lr: fast\n", "optimizer.lr is 'fast'; expected a number"),
        ("optimizer:\n  lr: null\n", "optimizer.lr is None; expected a number"),
        ("schedule:\n  epochs: 1.5\n", "schedule.epochs is 1.5; expected a whole number"),
        ("schedule:\n  epochs: true\n", "expected a whole number"),
        ("augmentation:\n  hflip: yes\n", "augmentation.hflip is True; expected a number"),
        ("augmentation:\n  scale: 0.5\n", "expected a list of 2: a number, a number"),
        ("augmentation:\n  scale: [0.5, 0.6, 0.7]\n", "expected a list of 2"),
        ("run:\n  amp: fp8\n", "expected 'none' or 'bf16' or 'fp16'"),
        ("network:\n  img_size: big\n", "expected a whole number or null"),
        ("optimizer: adamw\n", "expected `key: value` lines below `optimizer:`"),
        ("optimizer:\n  lr: 1\n  lr: 2\n", "the key 'lr' appears twice"),
        ("optimizer: [\n", "not valid YAML"),
        ("- lr\n", "expected `section:` blocks"),
        ("base: 3\n", "base is 3; expected text"),
        ("optimizer:\n  lr: -1\n", "optimizer.lr is -1.0; expected above 0 and at most 1e+30"),
        ("network: !!python/object/apply:os.getcwd []\n", "not valid YAML"),
    ],
)
def test_an_error_names_the_key_and_the_remedy(text, message, recipe_file):
    with pytest.raises(UserError) as error:
        read_recipe(recipe_file(text))
    assert message in str(error.value)
    assert "mine.yaml" in str(error.value)


def test_an_unknown_packaged_name_suggests_the_nearest():
    with pytest.raises(UserError, match="Did you mean imagenet1k_tiny"):
        read_recipe("imagenet_tiny")


@pytest.mark.parametrize("name", ["nowhere.yaml", "nowhere/digits"])
def test_a_missing_file_is_named(name):
    with pytest.raises(UserError, match=f"cannot read recipe {name}"):
        read_recipe(name)


def test_a_binary_file_is_refused(tmp_path):
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(UserError, match="not UTF-8"):
        read_recipe(tmp_path / "x.yaml")
