"""`parcnet report`."""

import pytest

QUICK = ("--quick", "--images", 30, "--probes", 6, "--device", "cpu")


def test_the_page_of_a_digits_run_is_written_into_its_folder(parcnet, trained):
    result = parcnet("report", trained, *QUICK)
    assert result.code == 0, result.err
    page = trained / "report.html"
    assert f"wrote {page} (" in result.out
    assert "Next:" in result.out
    assert str(page) in result.out
    text = page.read_text(encoding="utf-8")
    for words in ("30 of 360 test images", "low contrast", "parcnet.optimize, batch 8", "digits[test]"):
        assert words in text, words


def test_help_shows_examples(parcnet):
    result = parcnet("report", "--help")
    assert result.code == 0
    assert "  parcnet report runs/mine --quick" in result.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), "nowhere is no run folder"),
        (("RUN", "-o", "x.txt"), "expected a file name that ends in .html"),
        (("RUN", "--probes", "0"), "--probes is 0; expected at least 1"),
        (("RUN", "--data-dir", "nowhere"), "there is no folder nowhere"),
        (("RUN", "-o", "/proc/x.html"), "cannot write /proc/x.html"),
    ],
)
def test_errors_name_the_remedy(arguments, words, parcnet, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = parcnet("report", *(trained if each == "RUN" else each for each in arguments))
    assert result.code == 2
    assert words in result.err
    assert not list(tmp_path.iterdir())
