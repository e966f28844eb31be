import pytest

from parcnet.base.untrusted import DEPTH, TEXT, check_bounded, parse_json


def test_ordinary_json_comes_back():
    assert parse_json('{"a": [1, 2.5, null, true, "b"]}') == {"a": [1, 2.5, None, True, "b"]}
    assert parse_json(b"[]") == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000 + "]" * 100_000, "nested deeper"),
        ("[" * (DEPTH + 2) + "]" * (DEPTH + 2), "nested deeper"),
        ('{"a":' * 60 + "1" + "}" * 60, "nested deeper"),
        ("[1e999]", "number inf"),
        ("[NaN]", "number nan"),
        ("9" * 40, "more than 64 bits"),
        (f'"{"x" * (TEXT + 1)}"', f"at most {TEXT}"),
        ("{", "Expecting"),
    ],
    ids=["deep", "deeper than allowed", "deep objects", "infinite", "nan", "huge number", "long text", "cut"],
)
def test_what_is_out_of_bounds_is_a_value_error(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_json(text)


def test_values_that_json_does_not_have_are_refused():
    with pytest.raises(ValueError, match="set"):
        check_bounded({"a": {1}})
