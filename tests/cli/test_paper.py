"""`parcnet paper`."""

import json
from pathlib import Path

import pytest
from PIL import Image

from parcnet_cli.paper.command import HELP

ROOT = Path(__file__).parents[2]


def test_without_arguments_it_prints_its_overview(parcnet):
    assert parcnet("paper").out == HELP
    assert parcnet("paper", "--help").code == 0


def test_list_has_every_table_and_figure_and_suggests_the_next_command(parcnet):
    result = parcnet("paper", "list")
    assert result.code == 0
    for words in ("ICCV 2023, Tab. 7", "arXiv v1, Fig. 5", "not reproducible", "parcnet paper iccv-table2"):
        assert words in result.out
    assert "Next:" in result.out
    assert len(parcnet("paper", "list", "--json").json()) == 32


def test_a_table_prints_counts_remarks_and_contradictions(parcnet):
    result = parcnet("paper", "supp-table1")
    assert result.code == 0
    for words in ("ConvNeXt + OC", "convnext_tiny_oversized", "28.96", "82.6", "[1] ", "are the authors'"):
        assert words in result.out
    assert "parcnet train -c imagenet1k_convnext_tiny_oversized" in result.out


def test_a_table_as_json(parcnet):
    found = parcnet("paper", "supp-table3", "--json").json()
    assert found["source"] == "ICCV 2023, supplement, Tab. 3 (Sec. E)"
    add = found["rows"][1]
    assert add["network"] == "parcnetv2_xt_add"
    assert add["printed"]["top1"] == "68.4"
    assert add["params"] == 7_427_720
    assert add["differences"]["params"]["agrees"]


@pytest.mark.parametrize("suffix", [".md", ".json"])
def test_a_table_as_a_file(parcnet, tmp_path, suffix):
    path = tmp_path / f"table{suffix}"
    result = parcnet("paper", "supp-table3", "-o", path)
    assert (result.code, result.out) == (0, "")
    text = path.read_text(encoding="utf-8")
    if suffix == ".json":
        assert json.loads(text)["rows"][0]["printed"]["top1"] == "79.4"
    else:
        assert text.startswith("**ICCV 2023, supplement, Tab. 3")
        assert "| Multiply | parcnetv2_xt " in text


def test_a_figure_is_drawn(parcnet, tmp_path):
    result = parcnet("paper", "iccv-figure4", "-o", tmp_path / "x.png")
    assert result.code == 0
    assert f"drawn in {tmp_path / 'x.png'}" in result.out
    with Image.open(tmp_path / "x.png") as image:
        assert min(image.size) > 100


@pytest.mark.parametrize("figure", ["supp-figure3", "supp-figure4"])
def test_the_kernels_of_a_run_are_drawn(parcnet, trained, figure, tmp_path):
    result = parcnet("paper", figure, "--checkpoint", trained, "-o", tmp_path / "x.png")
    assert result.code == 0
    assert "channels drawn at random (seed 0)" in result.out
    assert (tmp_path / "x.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("iccv-tabel2",), "Did you mean iccv-table2"),
        (("iccv-table2", "-o", "x.txt"), "ends in .md or .json"),
        (("iccv-table2", "-o", "/proc/x.md"), "cannot write /proc/x.md"),
        (("iccv-figure4", "-o", "/proc/x.png"), "cannot write /proc/x.png"),
        (("claims", "-o", "/proc/x"), "cannot write /proc/x/claims.html"),
        (("iccv-table2", "--json", "--markdown"), "exclude each other"),
        (("iccv-figure2",), "name its file: parcnet paper iccv-figure2 -o iccv-figure2.png"),
        (("iccv-figure2", "-o", "x.txt"), "ends in one of .png"),
        (("supp-figure5", "-o", "x.png"), "parcnet explain gradcam --compare"),
        (("supp-figure3", "-o", "x.png"), "--checkpoint RUN"),
    ],
)
def test_errors_name_the_remedy(parcnet, arguments, words):
    result = parcnet("paper", *arguments)
    assert result.code == 2
    assert words in result.err


def test_the_page_of_contradictions_is_what_the_command_writes(parcnet):
    page = (ROOT / "docs" / "paper_and_code.md").read_text(encoding="utf-8")
    assert parcnet("paper", "contradictions", "--markdown").out == page


def test_contradictions_as_table_and_as_json(parcnet):
    assert "the papers" in parcnet("paper", "contradictions").out
    assert {"title", "says", "here", "touches"} == set(parcnet("paper", "contradictions", "--json").json()[0])
