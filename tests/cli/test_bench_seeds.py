"""`parcnet bench seeds`, on a minimal recipe."""

import json
from pathlib import Path

from parcnet_cli.main import main

RECIPE = "base: digits\nschedule: {epochs: 1, warmup_epochs: 0}\n"


def test_bench_seeds_trains_once_per_seed(tmp_path: Path, capsys) -> None:
    recipe = tmp_path / "short.yaml"
    recipe.write_text(RECIPE)
    assert main(["bench", "seeds", "--recipe", str(recipe), "--seeds", "2", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["seed"] for row in rows] == [0, 1]
    assert all(0 < row["test_top1"] < 1 for row in rows)


def test_a_failing_run_passes_its_error_on(tmp_path: Path, capsys) -> None:
    recipe = tmp_path / "broken.yaml"
    recipe.write_text("base: digits\nnetwork: {model: parcnet_digit}\n")
    assert main(["bench", "seeds", "--recipe", str(recipe), "--seeds", "1"]) == 2
    assert "parcnetv2_digits" in capsys.readouterr().err
