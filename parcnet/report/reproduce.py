"""The commands that lead to this page again."""

import shlex

from parcnet.base import versions
from parcnet.report.evaluated_images import EvaluatedImages
from parcnet.report.mistakes import data_flag
from parcnet.report.run_record import RunRecord
from parcnet.report.section import Section


def reproduce(run: RunRecord, evaluated: EvaluatedImages | None, command: str) -> Section:
    """What was run, and what gives the same figures again."""
    folder = shlex.quote(str(run.folder.path))
    recipe = shlex.quote(str(run.folder.recipe))
    data = data_flag(evaluated)
    split = f" --split {evaluated.split}" if evaluated is not None else ""
    images = "" if run.explained.data == "digits" else " IMAGE..."
    commands = []
    if run.result is not None:
        commands.append((run.result["command"], "the run, as it was started"))
    commands += [
        (f"parcnet train -c {recipe}", "the same recipe into a new folder; on a CPU, losses are equal bit for bit"),
        (f"parcnet eval {folder}{data}{split}", "accuracy of the best checkpoint"),
        (f"parcnet explain gradcam {folder}{images}", "what speaks for a class"),
        (f"parcnet explain kernels {folder}", "kernels of any layer"),
        (f"parcnet explain erf {folder}{images}", "the receptive field, beside other networks too"),
        (command, "this page"),
    ]
    trained = (run.result or {}).get("versions", {})
    text = [f"This page was made with {_versions(versions())}."]
    if trained:
        text.insert(0, f"The network was trained with {_versions(trained)}, seed {run.recipe.run.seed}.")
    return Section("reproduce", "Commands to reproduce", text, commands=commands)


def _versions(found: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in found.items())
