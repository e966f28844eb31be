"""`parcnet explain`."""

import numpy as np
import pytest
from PIL import Image

from parcnet_cli.explain.command import HELP


def test_without_arguments_it_prints_its_overview(parcnet):
    assert parcnet("explain").out == HELP
    assert parcnet("explain", "-h").code == 0


@pytest.mark.parametrize("what", ["gradcam", "kernels", "erf", "gates", "position"])
def test_every_help_shows_examples(what, parcnet):
    result = parcnet("explain", what, "--help")
    assert result.code == 0
    assert f"  parcnet explain {what} " in result.out


@pytest.mark.parametrize(
    ("what", "options", "array", "words"),
    [
        ("gradcam", ("--limit", 3), "gradcam/found/heat", "Explained classes"),
        ("gradcam", ("--limit", 2, "--layer", "stages.1", "--class", "3", "--dtype", "bf16"), "images/names", "3 "),
        ("gradcam", ("--limit", 1, "--layer", 2, "--method", "layercam"), "gradcam/found/method", "Explained classes"),
        ("kernels", ("--channels", 4, "--layer", "1"), "strips/vertical", "Reach of the oversized kernels"),
        ("erf", ("--limit", 2), "0/field/contribution", "log10(P + 1)"),
        ("gates", ("--limit", 3), "gates/gates/0/closed_maps", "closed"),
        ("position", ("--limit", 8, "--img-size", 96, 64), "position/probes/0/error", "follows the frame"),
    ],
)
def test_a_picture_and_its_arrays(what, options, array, words, parcnet, trained, tmp_path):
    picture, arrays = tmp_path / "x.png", tmp_path / "x.npz"
    device = () if what == "kernels" else ("--device", "cpu")
    result = parcnet("explain", what, trained, *options, *device, "-o", picture, arrays)
    assert result.code == 0, result.err
    assert words in result.out
    assert f"wrote {picture}, {arrays}" in result.out
    assert "Next:" in result.out
    with Image.open(picture) as image:
        assert (np.asarray(image.convert("L")) < 250).mean() > 0.02
    with np.load(arrays) as stored:
        assert array in stored.files


def test_gradcam_compared_with_another_network_has_three_rows(parcnet, trained, digit_files, tmp_path):
    images = sorted(digit_files.rglob("*.png"))[:2]
    alone = parcnet("explain", "gradcam", trained, *images, "-o", tmp_path / "one.png")
    both = parcnet(
        "explain",
        "gradcam",
        trained,
        *images,
        "--compare",
        "test_convnext",
        "-o",
        tmp_path / "two.svg",
        tmp_path / "2.png",
    )
    assert (alone.code, both.code) == (0, 0)
    assert "test_convnext is untrained" in both.err
    with Image.open(tmp_path / "one.png") as one, Image.open(tmp_path / "2.png") as two:
        assert two.height > 1.3 * one.height
    assert (tmp_path / "two.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_erf_compared_with_another_network_uses_one_image_size(parcnet, trained, digit_files, tmp_path):
    path = tmp_path / "x.npz"
    result = parcnet("explain", "erf", trained, digit_files, "--limit", 2, "--compare", "test_convnext", "-o", path)
    assert result.code == 0, result.err
    with np.load(path) as stored:
        assert stored["0/field/contribution"].shape == stored["1/field/contribution"].shape


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gradcm", "x"), "Did you mean gradcam"),
        (("gradcam", "RUN", "-o", "x.txt"), "expected a file name that ends in one of .npz, .png"),
        (("gradcam", "RUN", "--limit", "0"), "--limit is 0"),
        (("gradcam", "RUN", "-o", "/proc/x.png"), "cannot write /proc/x.png"),
        (("gradcam", "RUN", "--method", "layer_cam"), "Did you mean layercam"),
        (("gradcam", "RUN", "nowhere.png"), "nowhere.png"),
        (("gradcam", "RUN", "--layer", "stages.22"), "Did you mean stages.2"),
        (("gradcam", "RUN", "--class", "10"), "class 10 is out of range; parcnetv2_digits has classes 0 to 9"),
        (("gradcam", "RUN", "--compare", "convnext_tinny"), "Did you mean convnext_tiny"),
        (("gradcam", "test_convnext"), "no image given"),
        (("kernels", "test_convnext"), "no oversized convolution"),
        (("gates", "RUN", "--threshold", "-1"), "threshold is -1.0"),
        (("position", "RUN", "--limit", "2"), "needs at least 4"),
        (("erf", "no_such_thing_at_all"), "no_such_thing_at_all"),
    ],
)
def test_errors_name_the_remedy(arguments, words, parcnet, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = parcnet("explain", *(trained if each == "RUN" else each for each in arguments))
    assert result.code == 2
    assert words in result.err
    assert "Traceback" not in result.err
    assert not list(tmp_path.iterdir())
