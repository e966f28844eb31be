import pytest

from parcnet.base.escaping import markdown, markdown_block, markdown_code, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cat", "cat"),
        ("Größe 1.5 (µm)", "Größe 1.5 (µm)"),
        ("a\nb", "a\\nb"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202eabc", "\\u202eabc"),
        ("a\udce4b", "a\\xe4b"),
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_a_name_is_one_printable_line(text, shown):
    assert one_line(text) == shown
    shown.encode()


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("snake_case-name", "snake_case-name"),
        ("<b>", "&lt;b&gt;"),
        ("a|b", "a&#124;b"),
        ("**x** _y_", r"\*\*x\*\* \_y\_"),
        ("[a](http://b)", r"\[a\](http&#58;//b)"),
        ("# a", r"\# a"),
        ("- a", r"\- a"),
        ("&amp;", "&amp;amp;"),
    ],
)
def test_a_name_is_plain_text_in_markdown(text, escaped):
    assert markdown(text) == escaped


def test_code_is_fenced_by_more_backticks_than_it_holds():
    assert markdown_code("a") == "`a`"
    assert markdown_code("a``b`") == "``` a``b` ```"
    assert markdown_block("a\n````\nb\n", "yaml") == "`````yaml\na\n````\nb\n`````"
