import json
import os

import pytest

from parcnet.base import json_text, printable, write_json, write_text

LATIN = os.fsdecode(b"caf\xe9.png")


@pytest.mark.parametrize(
    ("text", "expected"), [("café", "café"), (LATIN, r"caf\xe9.png"), ("\ud800a", r"\ud800a"), ("", ""), ("😀", "😀")]
)
def test_text_becomes_encodable(text, expected):
    assert printable(text) == expected
    printable(text).encode()


def test_json_holds_any_name_and_gives_it_back(tmp_path):
    value = {"name": LATIN, "plain": "Grüße 😀", "half": "\ud800"}
    assert json.loads(json_text(value).encode()) == value
    assert "Grüße 😀" in json_text(value)
    write_json(tmp_path / "a.json", value)
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == value


def test_a_text_with_any_name_is_written(tmp_path):
    write_text(tmp_path / "a.html", f"<p>{LATIN}</p>")
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == r"<p>caf\xe9.png</p>"
