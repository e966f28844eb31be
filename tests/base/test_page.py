"""The shell of every page: escaping, and colours that can be read."""

import itertools
import re
from pathlib import Path

import jinja2
import pytest

from parcnet.base import page
from parcnet.base.page import PageTable, page_picture, write_page

SHELL = Path(page.__file__).with_name("page_shell.html").read_text(encoding="utf-8")
PAIRS = [
    *itertools.product(("ink", "faint", "link"), ("paper", "box")),
    ("good", "good-box"),
    ("bad", "bad-box"),
    ("open", "open-box"),
]


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2) of #rgb or #rrggbb."""
    digits = colour.lstrip("#")
    digits = "".join(2 * each for each in digits) if len(digits) == 3 else digits
    shares = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
@pytest.mark.parametrize(("ink", "paper"), PAIRS)
def test_text_has_the_contrast_that_wcag_asks_for(ink, paper, theme):
    blocks = dict(zip(("light", "dark", "print"), re.findall(r":root \{(.*?)\}", SHELL, re.DOTALL), strict=True))
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+)", blocks["light"]))
    colours |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+)", blocks[theme]))
    light, dark = sorted((luminance(colours[ink]), luminance(colours[paper])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def written(tmp_path: Path, body: str, values: dict) -> str:
    template = tmp_path / "mine.html"
    template.write_text('{% extends "page_shell.html" %}{% from "page_parts.html" import figure, table %}' + body)
    write_page(tmp_path / "out.html", template, values)
    return (tmp_path / "out.html").read_text(encoding="utf-8")


def test_text_is_escaped_and_pictures_are_inside(tmp_path):
    (tmp_path / "x.png").write_bytes(b"\x89PNG")
    values = {
        "picture": page_picture(tmp_path / "x.png", 'a "quoted" <b>'),
        "found": PageTable("rows", ("a & b",), [("<i>1</i>",)]),
    }
    text = written(tmp_path, "{% block body %}{{ figure(picture) }}{{ table(found) }}{% endblock %}", values)
    assert "data:image/png;base64,iVBORw==" in text
    assert "a &#34;quoted&#34; &lt;b&gt;" in text
    assert "<td>&lt;i&gt;1&lt;/i&gt;</td>" in text
    assert '<th scope="col">a &amp; b</th>' in text


def test_a_value_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(jinja2.UndefinedError, match="title"):
        written(tmp_path, "{% block body %}{{ title }}{% endblock %}", {})
    assert not (tmp_path / "out.html").exists()
