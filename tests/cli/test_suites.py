"""`parcnet eval --suite`."""

import csv


def test_two_checkpoints_on_damaged_digits_in_one_table(parcnet, trained, digit_files, tmp_path):
    last, wanted = trained / "last.safetensors", tmp_path / "corruptions.csv"
    options = ("--data-dir", digit_files, "--also", last, "--csv", wanted, "--device", "cpu")
    said = parcnet("eval", trained, "--suite", "corruptions", *options)
    assert said.code == 0, said.err
    assert "mean over corruptions" in said.out
    with wanted.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 41
    clean = [float(row["top1"]) for row in rows if row["dataset"] == "undamaged"]
    worst = [float(row["top1"]) for row in rows if row["dataset"] == "contrast 5"]
    assert min(clean) >= max(worst)


def test_what_goes_only_with_a_suite_says_so(parcnet, trained, tmp_path):
    assert "need --suite" in parcnet("eval", trained, "--csv", tmp_path / "a.csv").err
    assert (
        "leave --confusion, --json and --multi-scale out"
        in parcnet("eval", trained, "--suite", "corruptions", "--json").err
    )
