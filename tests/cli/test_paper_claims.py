"""`parcnet paper claims`."""

import pytest

from parcnet_cli.main import main


def test_one_claim_is_tested_and_the_page_written(tmp_path, capsys):
    assert main(["paper", "claims", "--quick", "--seeds", "2", "--only", "8", "-o", str(tmp_path / "found")]) == 0
    result = capsys.readouterr()
    assert "✓ pass" in result.out
    assert "verdicts mean nothing" in result.out
    assert "claims.html" in result.out
    page = (tmp_path / "found" / "claims.html").read_text(encoding="utf-8")
    assert "parcnet paper claims --only 8 --seeds 2 --quick" in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--only", "9"], "there is no claim 9"), (["--seeds", "1"], "expected at least 2"), (["--only", "x"], "only")],
)
def test_user_errors_are_named(arguments, words, tmp_path, capsys):
    assert main(["paper", "claims", "-o", str(tmp_path / "found"), *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "found").exists()


def test_help_names_all_eight(capsys):
    assert main(["paper", "claims", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"{number} " in text for number in range(1, 9))
    assert "--quick" in text
