import pytest

from parcnet.base.whole_numbers import whole_number


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("-1", -1), ("007", 7), ("", None), ("--5", None), ("²", None), ("1.0", None), ("9" * 5000, None)],
)
def test_a_whole_number_is_read_and_any_other_text_is_none(text, number):
    assert whole_number(text) == number
