import pytest

from parcnet.base import console, next_steps, progress, say, table, warn

LONG = "parcnet predict " + "folder/" * 40 + "image.png"


def test_results_go_to_stdout_and_warnings_to_stderr(capsys):
    say("accuracy 98.5%")
    warn("one file is bad")
    assert capsys.readouterr() == ("accuracy 98.5%\n", "warning: one file is bad\n")


def test_a_warning_shows_brackets_as_they_are(capsys):
    warn("digits[test] 17")
    assert "digits[test] 17" in capsys.readouterr().err


def test_commands_are_not_wrapped(capsys):
    next_steps([(LONG, "looks at one image"), ("parcnet models", "lists networks")])
    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading == "Next:"
    assert first == f"  {LONG}  # looks at one image"
    assert second.split("#")[0].strip() == "parcnet models"


def test_a_piped_table_cuts_nothing(capsys):
    table("Networks [all]", ["name", "size"], [[LONG, "[1, 2]"]])
    out = capsys.readouterr().out
    assert LONG in out
    assert "[1, 2]" in out
    assert "Networks [all]" in out


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    return now


def test_piped_progress_is_a_line_every_ten_seconds_with_elapsed_and_remaining_time(capsys, clock):
    with progress("training", total=100, unit="step") as advance:
        for _ in range(30):
            clock[0] += 1
            advance(1, "loss 0.5")
    first, second, third = capsys.readouterr().err.splitlines()
    assert first == "training: 10/100 step, elapsed 0:00:10, remaining 0:01:30  loss 0.5"
    assert second.startswith("training: 20/100")
    assert third.startswith("training: 30/100")


def test_other_ranks_are_silent(capsys, clock, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    with progress("training", total=2) as advance:
        clock[0] += 60
        advance(1, "")
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(console, "_err", console.Console(force_terminal=True, stderr=True, width=100))


@pytest.mark.usefixtures("terminal")
def test_a_nested_bar_is_silent_and_the_outer_one_continues(capsys):
    with progress("outer", total=2) as outer:
        with progress("inner [x]", total=2) as inner:
            inner(1, "")
        outer(2, "loss [x]")
    shown = capsys.readouterr().err
    assert "inner" not in shown
    assert "outer" in shown
    assert "loss [x]" in shown
    assert not console._showing


@pytest.mark.usefixtures("terminal")
def test_stdout_stays_a_pipe_while_a_bar_is_shown(capsys):
    with progress("training", total=1):
        say("a result")
    assert capsys.readouterr().out == "a result\n"
