"""The mutation tool, on a package of one function."""

import pytest

from parcnet_lab.mutants import folders_of_tests, main, mutants, passes, read_results, sample

SOURCE = '''def clipped(value: int, most: int = 4) -> int:
    """The value, at most 4."""
    if value < most:
        return value + 0
    return most
'''


def changed_lines(source):
    lines = set()
    for each in mutants("toy/ops/clip.py", source):
        compile(each.apply(source), "mutant", "exec")
        lines |= set(each.apply(source).splitlines()) - set(source.splitlines())
    return {line.strip() for line in lines}


def test_operators_numbers_and_conditions_are_changed():
    assert changed_lines(SOURCE) == {
        "def clipped(value: int, most: int = 5) -> int:",
        "if (value <= most):",
        "if (not value < most):",
        "return (value - 0)",
        "return value + 1",
    }


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x += f(y)", {"pass"}),
        ("é = -a and not b", {"é = (-a or not b)", "é = (a) and not b", "é = -a and (b)"}),
        ("raise Error", {"pass"}),
        ("close(True)", {"pass", "close(False)"}),
        ('x: "Literal[1]" = f"{a + 1}"', set()),
        (
            "y = [a for a in b if a is None]",
            {"y = [a for a in b if (a is not None)]", "y = [a for a in b if (not a is None)]"},
        ),
    ],
)
def test_each_kind_of_change(source, expected):
    assert changed_lines(source) == expected


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A package whose tests do not notice that 4 itself is a bound, nor 0 + 1."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # most of a second
    for path, content in {
        "toy/__init__.py": "",
        "toy/ops/__init__.py": "",
        "toy/ops/clip.py": SOURCE,
        "tests/ops/test_clip.py": "from toy.ops.clip import clipped\n\n\n"
        "def test_clipped():\n    assert [clipped(3), clipped(9)] == [3, 4]\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    return tmp_path


def test_survivors_are_shown_and_a_second_call_goes_on_with_the_rest(toy, capsys):
    log = toy / "log.jsonl"
    options = ["--root", str(toy), "--package", "toy", "--rooms", "ops", "--log", str(log), "--timeout", "60"]
    main([*options, "--limit", "2"])
    assert len(read_results(log)) == 2
    with log.open("a") as file:
        file.write('\n{"key": "cut by a ki')
    capsys.readouterr()
    main(options)
    said = capsys.readouterr().out
    assert "all                5       3   60.0%" in said
    assert "toy/ops/clip.py:4\n-        return value + 0\n+        return (value - 0)" in said
    assert "toy/ops/clip.py:3\n-    if value < most:\n+    if (value <= most):" in said
    main(options)
    assert log.read_text().count('"caught": ') == 5
    assert (toy / "toy" / "ops" / "clip.py").read_text() == SOURCE


def test_without_sound_tests_nothing_is_counted_as_caught(toy, capsys):
    test = toy / "tests" / "ops" / "test_clip.py"
    test.write_text(test.read_text().replace("[3, 4]", "[3, 5]"))
    with pytest.raises(SystemExit):
        main(["--root", str(toy), "--package", "toy", "--rooms", "ops", "--log", str(toy / "log.jsonl")])
    assert "the tests of ops fail" in capsys.readouterr().err
    test.unlink()
    assert passes(toy, "toy/ops/clip.py", 60)


def test_a_sample_depends_on_its_seed_and_outlives_other_changes(toy):
    drawn = sample(toy, "toy", ["ops"], 3, seed=0)
    assert drawn == sample(toy, "toy", ["ops"], 3, seed=0)
    assert len({tuple(each.key for each in sample(toy, "toy", ["ops"], 3, seed)) for seed in range(9)}) > 1
    (toy / "toy" / "ops" / "clip.py").write_text('"""Moves every line."""\n\n' + SOURCE)
    assert [each.key for each in sample(toy, "toy", ["ops"], 3, seed=0)] == [each.key for each in drawn]


def test_the_nearest_tests_run_first(tmp_path):
    (tmp_path / "tests" / "training" / "loop").mkdir(parents=True)
    assert folders_of_tests(tmp_path, "parcnet/training/loop/fit.py") == ["tests/training/loop", "tests/training"]
    assert folders_of_tests(tmp_path, "parcnet/training/setup/plan.py") == ["tests/training"]
