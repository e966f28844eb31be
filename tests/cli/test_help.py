import os
import subprocess
import sys
import time

import pytest

import parcnet as library
from parcnet_cli.main import _MODULES, main

_LOADED = """
import sys
from parcnet_cli.main import main
code = main(sys.argv[1:])
loaded = {"torch", "timm", "parcnet", "matplotlib", "sklearn"} & set(sys.modules)
sys.exit(f"loaded {sorted(loaded)}" if loaded else code)
"""


@pytest.mark.parametrize(
    "arguments", [[], ["--help"], ["-h"], ["--version"], ["eval", "--help"], ["predict", "--help"], ["models", "-h"]]
)
def test_help_answers_at_once_because_nothing_heavy_is_imported(arguments):
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _LOADED, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "parcnet" in done.stdout
    assert time.perf_counter() - started < 5  # a tenth of a second, but for a busy machine


@pytest.mark.parametrize("command", _MODULES)
def test_every_command_is_in_the_overview_and_its_help_has_an_example(command, parcnet):
    assert f"parcnet {command}" in parcnet("--help").out
    said = parcnet(command, "--help")
    assert said.code == 0
    assert f"  parcnet {command}" in said.out
    assert "type: ignore" not in said.out  # tyro shows a trailing comment where a field has no docstring


def test_train_help_shows_the_defaults_of_the_chosen_recipe(parcnet):
    text = " ".join(parcnet("train", "-c", "imagenet1k_tiny", "--help").out.split())
    assert "(default: 300)" in text
    assert "(default: parcnetv2_tiny)" in text.replace("│ │ ", "")
    assert "(default: 300)" not in parcnet("train", "--help").out


@pytest.mark.parametrize(
    ("flags", "recipe"),
    [
        ((), "digits"),
        (("--data-dir", "x"), "train_folder"),
        (("--data-dir", "x", "--initial-checkpoint", "y"), "finetune_folder"),
        (("--data-dir", "x", "-c", "imagenet1k_xt"), "imagenet1k_xt"),
    ],
)
def test_the_default_recipe_follows_data_and_weights(flags, recipe, parcnet):
    options = parcnet("train", *flags, "--help").out.split("options")[1]
    assert f"default: {recipe})" in " ".join(options.replace("│", " ").split())


def test_set_changes_the_recipe_and_a_flag_wins_over_it(parcnet):
    text = " ".join(parcnet("train", "--set", "optimizer.lr=0.125", "--set", "epochs=77", "--help").out.split())
    assert "(default: 0.125)" in text
    assert "(default: 77)" in text
    said = parcnet("train", "--set", "optimzer.lr=1")
    assert said.code == 2
    assert "Did you mean optimizer" in said.err


@pytest.mark.parametrize("command", ["tran", "evaluate", "--verbose"])
def test_an_unknown_command_is_named(command, parcnet):
    said = parcnet(command)
    assert said.code == 2
    assert repr(command) in said.err
    assert "predict" in said.err


def test_python_m_parcnet_is_the_command():
    done = subprocess.run([sys.executable, "-m", "parcnet"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split(":")[0]) == (0, "parcnet")


def test_version(parcnet):
    assert parcnet("--version").out == f"parcnet {library.__version__}\n"


def test_idle_threads_give_way_to_loader_workers_and_stay_awake_where_latency_counts(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    main(["bench"])
    assert "OMP_WAIT_POLICY" not in os.environ
    main(["train", "--help"])
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    main(["train", "--help"])
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
