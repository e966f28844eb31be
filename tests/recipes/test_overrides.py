import pytest

from parcnet.base import UserError
from parcnet.recipes import Recipe, override, read_recipe


def value(recipe, section, field):
    return getattr(getattr(recipe, section), field)


@pytest.mark.parametrize(
    ("text", "section", "field", "expected"),
    [
        ("optimizer.lr=5e-2", "optimizer", "lr", 0.05),
        ("lr=2", "optimizer", "lr", 2.0),
        (" schedule.epochs = 7", "schedule", "epochs", 7),
        ("augmentation.scale=[0.2, 1]", "augmentation", "scale", (0.2, 1.0)),
        ("optimizer.clip_grad=null", "optimizer", "clip_grad", None),
        ("data.data_dir=hfds/some=where", "data", "data_dir", "hfds/some=where"),
        ("run.compile=true", "run", "compile", True),
    ],
)
def test_values_are_parsed_as_yaml(text, section, field, expected):
    recipe = read_recipe("train_folder")
    changed = override(recipe, [text])
    assert value(changed, section, field) == expected
    assert changed != recipe
    assert changed.network == recipe.network


def test_the_name_has_no_section():
    assert override(Recipe(), ["name=mine"]).name == "mine"


def test_no_override_returns_the_same_recipe():
    recipe = read_recipe("digits")
    assert override(recipe, []) is recipe


def test_the_last_override_wins():
    assert override(Recipe(), ["lr=1", "optimizer.lr=2"]).optimizer.lr == 2


def test_dependent_values_can_be_set_together():
    assert override(Recipe(), ["epochs=2", "warmup_epochs=1"]).schedule.epochs == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr", "expected KEY=VALUE"),
        ("=1", "expected KEY=VALUE"),
        ("lrr=1", "unknown key 'lrr'. Did you mean optimizer.lr"),
        ("optimzer.lr=1", "unknown key 'optimzer'. Did you mean optimizer or"),
        ("optimizer.weigth_decay=1", "Did you mean optimizer.weight_decay"),
        ("schedule.lr=1", "Did you mean optimizer.lr"),
        ("lr=fast", "optimizer.lr is 'fast'; expected a number"),
        ("lr=-1", "optimizer.lr is -1.0; expected above 0 and at most 1e+30"),
        ("optimizer=3", "expected `key: value` lines"),
        ("base=digits", "use -c to select the base recipe"),
        ("lr=1\nepochs: 2", "expected one value"),
        ("lr=[1", "not valid YAML"),
        ("epochs=2", "warmup_epochs is 2.0; expected"),
    ],
)
def test_an_error_names_the_setting_and_the_remedy(text, message):
    with pytest.raises(UserError) as error:
        override(Recipe(), [text])
    assert "--set" in str(error.value)
    assert message in str(error.value)
