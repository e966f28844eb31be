"""Every block of code and every command that README and docs show: run where it is cheap, parsed where it is not.

Blocks of Python run from the top of a page to its end; one after `<!-- not run here: REASON -->` is only compiled.
Commands, also those that fill a cell of a table, are parsed by the command line itself, recipes and options included.
Those of the tour are run, for one epoch.
"""

import re
import shlex
from pathlib import Path

import pytest

from parcnet.recipes import read_recipe, to_yaml
from parcnet_cli.main import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TOUR = ROOT / "docs" / "tour.md"
_FENCE = re.compile(
    r"(?:^<!-- not run here: (?P<reason>[^\n]+) -->\n)?^```(?P<language>\w*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_INDENTED = re.compile(r"^    (?P<body>(?:parcnet|torchrun) .*)$", re.MULTILINE)
_CELL = re.compile(r"\| `(?P<body>(?:parcnet|torchrun) [^`]+)` (?=\|)")
_SHELL = ("", "sh", "bash")


class Parsed(Exception):
    """The command line accepted the command; nothing was run."""


def _blocks(page: Path, languages: tuple[str, ...]) -> list[re.Match[str]]:
    return [found for found in _FENCE.finditer(page.read_text("utf-8")) if found["language"] in languages]


def _commands(text: str) -> list[list[str]]:
    """The arguments of `parcnet` on each line, directly or through torchrun, without comments and other programs."""
    commands = []
    for line in text.replace("\\\n", " ").splitlines():
        if "parcnet" not in line:
            continue
        words = shlex.split(line, comments=True)
        position = next(
            (i for i, word in enumerate(words) if word == "parcnet" and words[i - 1 : i] in ([], ["-m"])), None
        )
        if position is not None:
            commands.append(words[position + 1 :])
    return commands


def _shown() -> dict[str, list[str]]:
    """Every command of every page, once: its first page -> its arguments."""
    shown: dict[str, list[str]] = {}
    for page in PAGES:
        bodies = [found["body"] for found in _blocks(page, _SHELL)]
        bodies += [found["body"] for found in _INDENTED.finditer(page.read_text("utf-8"))]
        rows = [line for line in page.read_text("utf-8").splitlines() if line.startswith("|")]
        bodies += [found["body"] for row in rows for found in _CELL.finditer(row)]
        for arguments in _commands("\n".join(bodies)):
            if arguments not in shown.values():
                shown[f"{page.stem}: {shlex.join(arguments)[:60]}, {len(shown)}"] = arguments
    return shown


SHOWN = _shown()


def test_the_pages_show_commands_of_every_kind() -> None:
    assert {"train", "eval", "predict", "export", "explain", "report", "features", "probe", "publish", "paper"} <= {
        arguments[0] for arguments in SHOWN.values()
    }


@pytest.mark.parametrize("arguments", SHOWN.values(), ids=SHOWN.keys())
def test_each_command_shown_is_one_that_can_be_given(arguments, tmp_path, monkeypatch, capsys) -> None:
    import tyro

    real = tyro.cli

    def only_parse(*given, **options):
        parsed = real(*given, **options)
        if options.get("return_unknown_args"):  # a first look for the recipe, by which the flags are then parsed
            return parsed
        raise Parsed

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tyro, "cli", only_parse)
    if "--resume" in arguments and (run := arguments[arguments.index("--resume") + 1]) != "auto":
        Path(run).mkdir(parents=True)  # the recipe of the run to resume is read before its flags
        (Path(run) / "recipe.yaml").write_text(to_yaml(read_recipe("digits")), "utf-8")
    try:
        code = main(arguments)
    except Parsed:
        return
    assert code == 0, capsys.readouterr().err
    assert arguments[0] in ("--version", "--help") or len(arguments) == 1 or "--help" in arguments


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page != TOUR and _blocks(page, ("python", "py"))], ids=lambda page: page.stem
)
def test_the_python_of_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in _blocks(page, ("python", "py")):
        code = compile(block["body"], f"{page.name}, block at {block.start()}", "exec")
        if block["reason"] is None:
            exec(code, names)


def _take_the_tour(more_for_training: list[str]) -> None:
    """Runs the blocks of the page in order, in the current folder."""
    names: dict[str, object] = {}
    for block in _blocks(TOUR, ("python", "sh")):
        if block["language"] == "python":
            exec(compile(block["body"], "tour.md", "exec"), names)
            continue
        for arguments in _commands(block["body"]):
            more = more_for_training if arguments[0] == "train" else []
            assert main([*arguments, *more]) == 0, arguments


def test_the_tour_runs_from_top_to_bottom_with_one_epoch(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    _take_the_tour(["--epochs", "1", "--warmup-epochs", "0"])
    assert all(Path(name).stat().st_size for name in ("kernels.png", "cam.png", "parcnet-digits/config.json"))


@pytest.mark.slow  # not checked without it: the tour with all of its epochs
def test_the_tour_runs_as_it_stands(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    _take_the_tour([])
