"""Section with the commands that reproduce the report."""

import shlex

from parcnet.base import versions
from parcnet.report.evaluated_images import EvaluatedImages
from parcnet.report.run_record import RunRecord
from parcnet.report.section import Section


def reproduce(run: RunRecord, evaluated: EvaluatedImages | None, command: str) -> Section:
    """The run's command, and commands that reproduce its figures."""
    folder = shlex.quote(str(run.folder.path))
    recipe = shlex.quote(str(run.folder.recipe))
    data_dir = run.recipe.data.data_dir if evaluated is None else evaluated.data_dir
    data = "" if data_dir is None else f" --data-dir {shlex.quote(data_dir)}"
    split = f" --split {evaluated.split}" if evaluated is not None else ""
    images = "" if run.explained.data == "digits" else " IMAGE..."
    commands = []
    if run.result is not None:
        commands.append((run.result["command"], "the command of this run"))
    commands += [
        (f"parcnet train -c {recipe}", "the same recipe in a new folder; on a CPU, losses are bit-identical"),
        (f"parcnet eval {folder}{data}{split}", "accuracy of the best checkpoint"),
        (f"parcnet explain gradcam {folder}{images}", "class activation maps"),
        (f"parcnet explain kernels {folder}", "kernels of any layer"),
        (f"parcnet explain erf {folder}{images}", "effective receptive field, also next to other networks"),
        (command, "this report"),
    ]
    trained = (run.result or {}).get("versions", {})
    text = [f"Report: {_versions(versions())}."]
    if trained:
        text.insert(0, f"Training: {_versions(trained)}, seed {run.recipe.run.seed}.")
    return Section("reproduce", "Commands to reproduce", text, commands=commands)


def _versions(packages: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in packages.items())
