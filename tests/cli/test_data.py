import pytest


@pytest.mark.parametrize(("layout", "prefix"), [("parquet", "hfds"), ("wds", "wds")])
def test_packed_data_trains_and_evaluates(layout, prefix, parcnet, digit_files, tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hf")
    packed, run = tmp_path / "packed", tmp_path / "run"
    result = parcnet("data", "pack", digit_files, packed, "--format", layout, "--workers", 0)
    assert result.code == 0
    assert f"--data-dir {prefix}/{packed}" in result.out
    data = ("--data-dir", f"{prefix}/{packed}")
    options = ("-c", "digits", *data, "--epochs", 1, "--warmup-epochs", 0, "--batch-size", 8, "--device", "cpu")
    assert parcnet("train", *options, "--output", run).code == 0
    found = [parcnet("eval", run, *each, "--json").json() for each in (data, ("--data-dir", digit_files))]
    assert {name: found[0][name] for name in ("top1", "loss")} == {name: found[1][name] for name in ("top1", "loss")}


def test_packing_again_keeps_the_shards(parcnet, digit_files, tmp_path):
    command = ("data", "pack", digit_files, tmp_path / "packed", "--format", "wds", "--workers", 0)
    assert "0 shards kept" in parcnet(*command).out
    assert "2 shards kept" in parcnet(*command).out


def test_index_names_the_classes(parcnet, digit_files, tmp_path):
    parcnet("data", "pack", digit_files, tmp_path / "packed", "--format", "wds", "--workers", 0)
    (tmp_path / "names.txt").write_text("drei\nvier\n")
    result = parcnet("data", "index", tmp_path / "packed", "--classes", tmp_path / "names.txt")
    assert (result.code, "2 classes" in result.out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("data", "pakc"), "unknown data command 'pakc'. Did you mean pack?"),
        (("data", "pack", "nowhere", "x"), "has no train/, val/ or test/"),
        (("data", "pack", "nowhere", "x", "--shard-size", "0"), "--shard-size is 0; expected MB"),
        (("data", "pack", "nowhere", "x", "--workers", "-1"), "--workers is -1"),
        (("data", "index", "nowhere"), "no tar files"),
        (("data", "index", "nowhere", "--classes", "nowhere.txt"), "cannot read nowhere.txt"),
        (("train", "--data-dir", "hfds/nowhere"), "parcnet data pack"),
        (("train", "--data-dir", "wds/nowhere"), "parcnet data pack"),
        (("train", "--schedule-plot", "x.png"), "give both"),
        (("train", "--dry-run", "--schedule-plot", "x.txt"), "--schedule-plot is 'x.txt'"),
        (("bench", "loader", "--images", "3"), "--images is 3"),
    ],
)
def test_user_errors_are_printed_without_a_traceback(arguments, words, parcnet, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = parcnet(*arguments)
    assert result.code == 2
    assert words in result.err
    assert not list(tmp_path.iterdir())


def test_dry_run_names_the_command_that_does_it(parcnet, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = parcnet("train", "--dry-run", "--epochs", "4", "--schedule-plot", "s.png", "--set", "batch_size=16")
    assert result.code == 0
    assert "parcnet train --epochs 4 --set batch_size=16 " in result.out
    assert "batch_size: 16" in result.out
    assert [path.name for path in tmp_path.iterdir()] == ["s.png"]
