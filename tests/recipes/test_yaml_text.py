import pytest

from parcnet.base import UserError
from parcnet.recipes import read_recipe
from parcnet.recipes.yaml_text import LENGTH, arguments, parse


def _bomb(link):
    """Nine levels of nine aliases each: `link` formats a level from the name of the one before it."""
    levels = zip("abcdefgh", "bcdefghi", strict=True)
    return "a: &a {k: 1, l: [1, 2]}\n" + "".join(
        f"{name}: &{name} {link(', '.join(9 * [f'*{before}']))}\n" for before, name in levels
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_bomb("[{}]".format), "aliases expanded"),
        (_bomb("{{<<: [{}]}}".format), "aliases expanded"),
        ("a: &a [*a, *a]\n", "nested deeper than 32 levels"),
        ("a: &a {<<: *a}\n", "nested deeper than 32 levels"),
        ("[" * 1000, "nested deeper than 32 levels"),
        ("[" * 99_000, "nested deeper than 32 levels"),
        ("{a: " * 20_000, "nested deeper than 32 levels"),
        ("- " * 40_000, "nested deeper than 32 levels"),
        ("? " * 40_000, "nested deeper than 32 levels"),
        ("\n".join(" " * depth + f"k{depth}:" for depth in range(300)), "nested deeper than 32 levels"),
        ("a: [" + "1, " * 6000 + "]", "more than 5000 values"),
        ("a: " + "x" * 50_000, "a text of 50000 characters; expected at most 10000"),
        ("a: " + "9" * 5000, "not valid YAML"),
        ("a: 1" + ":59" * 3000 + ".5", "not valid YAML"),
        ("!" * 50_000, "not valid YAML"),
        ("#" * (LENGTH + 1), f"{LENGTH + 1} characters; expected a recipe of at most {LENGTH}"),
    ],
    ids=lambda value: value[:12],
)
def test_a_text_that_would_exhaust_time_memory_or_stack_is_refused(text, message):
    with pytest.raises(UserError) as error:
        parse(text, "mine.yaml")
    assert message in str(error.value)
    assert len(str(error.value)) < 700


def test_aliases_of_ordinary_size_are_read():
    base = {"lr": 1, "opt": "sgd"}
    text = "one: &base {lr: 1, opt: sgd}\ntwo: [*base, *base]\n"
    assert parse(text, "mine.yaml") == {"one": base, "two": [base, base]}


def test_arguments_of_the_network_are_bounded_too():
    with pytest.raises(UserError, match=r"network.model_args .* nested deeper"):
        arguments("{depths: " + "[" * 5000, "network.model_args")


def test_a_recipe_file_is_read_no_further_than_its_bound(tmp_path):
    with open(tmp_path / "huge.yaml", "wb") as file:
        file.truncate(2**40)  # sparse
    with pytest.raises(UserError, match="characters; expected a recipe of at most"):
        read_recipe(tmp_path / "huge.yaml")
