"""`parcnet report`, by the command."""

import pytest

QUICK = ("--quick", "--images", 30, "--probes", 6, "--device", "cpu")


def test_a_run_of_the_digits_becomes_a_page_beside_it(parcnet, trained):
    said = parcnet("report", trained, *QUICK)
    assert said.code == 0, said.err
    page = trained / "report.html"
    assert f"wrote {page} (" in said.out
    assert "Next:" in said.out
    assert str(page) in said.out
    text = page.read_text(encoding="utf-8")
    for words in ("30 of 360 test images", "low contrast", "parcnet.optimize, batch 8", "digits[test]"):
        assert words in text, words


def test_it_teaches_by_example(parcnet):
    said = parcnet("report", "--help")
    assert said.code == 0
    assert "  parcnet report runs/mine --quick" in said.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), "nowhere is no run folder"),
        (("RUN", "-o", "x.txt"), "expected a file name that ends in .html"),
        (("RUN", "--probes", "0"), "--probes is 0; expected at least 1 image"),
        (("RUN", "--data-dir", "nowhere"), "there is no folder nowhere"),
        (("RUN", "-o", "/proc/x.html"), "cannot write /proc/x.html"),
    ],
)
def test_mistakes_are_said_with_their_remedy(arguments, words, parcnet, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = parcnet("report", *(trained if each == "RUN" else each for each in arguments))
    assert said.code == 2
    assert words in said.err
    assert not list(tmp_path.iterdir())
