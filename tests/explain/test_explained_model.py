"""Networks by name and from files, images of any kind."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from parcnet.base import UserError
from parcnet.explain import open_model, read_images, save_arrays
from parcnet.explain.explained_model import class_number
from parcnet.models import build


def test_a_name_alone_is_untrained_and_always_the_same():
    torch.manual_seed(5)
    one, other = open_model("test_convnext"), open_model("test_convnext")
    assert not one.trained
    assert one.preprocessing.size == tuple(one.model.pretrained_cfg["input_size"][1:])
    for a, b in zip(one.model.parameters(), other.model.parameters(), strict=True):
        assert torch.equal(a, b)
    torch.manual_seed(5)
    first = torch.rand(1)
    torch.manual_seed(5)
    open_model("test_convnext")
    assert torch.equal(torch.rand(1), first)  # nobody's random numbers are touched


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("classes", [1000, 7])
def test_weights_of_timm_by_name_and_file(suffix, classes, tmp_path):
    model = build("test_convnext", num_classes=classes)
    path = tmp_path / f"weights{suffix}"
    torch.save(model.state_dict(), path) if suffix == ".pth" else save_file(model.state_dict(), path)
    found = open_model(f"test_convnext:{path}")
    assert found.trained
    assert len(found.classes) == classes
    for name, value in found.model.state_dict().items():
        assert torch.equal(value, model.state_dict()[name])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("convnext_tinny", "Did you mean convnext_tiny"),
        ("convnext_tinny:x.pth", "Did you mean convnext_tiny"),
        ("nowhere.safetensors", "there is no file nowhere.safetensors"),
        ("runs/nowhere", "there is no file"),
        ("test_convnext:nowhere.pth", "there is no file nowhere.pth"),
    ],
)
def test_what_is_neither_is_named(text, words):
    with pytest.raises(UserError, match=words):
        open_model(text)


@pytest.mark.parametrize(
    ("mode", "size"), [("L", (50, 40)), ("RGB", (3000, 2000)), ("RGBA", (9, 70)), ("1", (1, 1)), ("P", (640, 480))]
)
def test_grey_huge_tiny_and_transparent_images(mode, size, tmp_path):
    Image.new(mode, size, 1).save(tmp_path / "a.png")
    found = open_model("test_convnext", size=(64, 96))
    seen = read_images(found, [tmp_path], limit=3)
    assert seen.names == ("a",)
    assert seen.tensor.shape == (1, 3, 64, 96)
    assert seen.pictures.shape == (1, 64, 96, 3)
    assert read_images(found, [tmp_path / "a.png"], limit=3, margin=32).tensor.shape == (1, 3, 96, 128)


def test_an_image_too_huge_to_be_one_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    Image.new("RGB", (50, 40)).save(tmp_path / "huge.png")
    with pytest.raises(UserError, match=r"huge\.png: more than 1000 pixels; downscale it"):
        read_images(open_model("test_convnext"), [tmp_path / "huge.png"], limit=1)


def test_a_grey_network_sees_colour_images_in_grey(tmp_path):
    Image.new("RGB", (50, 40), (255, 0, 0)).save(tmp_path / "red.png")
    found = open_model("test_convnext", size=(64, 64))
    grey = type(found.preprocessing)((64, 64), (0.5,), (0.25,))
    found = type(found)(found.name, found.model, grey, found.classes, False)
    seen = read_images(found, [tmp_path], limit=1)
    assert seen.tensor.shape == (1, 1, 64, 64)
    assert seen.pictures.shape == (1, 64, 64)
    assert seen.pictures[0, 32, 32] == 76  # Rec. 601 luma of red


def test_a_picture_is_what_was_preprocessed(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = open_model("parcnetv2_digits", size=(64, 64))
    whole = found.preprocessing.to_dict() | {"crop_pct": 1.0}
    found = type(found)(found.name, found.model, type(found.preprocessing).from_dict(whole), found.classes, False)
    np.testing.assert_array_equal(read_images(found, [tmp_path], limit=1).pictures[0], pixels)


def test_folders_are_searched_in_order_and_limited(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("b/2.png", "a.png", "b/1.jpg", "notes.txt"):
        path = tmp_path / name
        path.write_text("x") if name.endswith("txt") else Image.new("RGB", (8, 8)).save(path)
    found = open_model("test_convnext")
    assert read_images(found, [tmp_path], limit=9).names == ("a", "1", "2")
    assert read_images(found, [tmp_path], limit=2).names == ("a", "1")


@pytest.mark.parametrize(
    ("paths", "words"), [([], "no image given"), (["empty"], "no images in"), (["x.png"], "x.png")]
)
def test_missing_images_are_named(paths, words, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=words):
        read_images(open_model("test_convnext"), [tmp_path / path for path in paths], limit=1)


def test_classes_by_name_and_number():
    found = open_model("parcnetv2_digits")
    named = type(found)(found.name, found.model, found.preprocessing, ("zero", "1", "2"), True)
    assert [class_number(named, each) for each in (None, "zero", "2", "0")] == [None, 0, 2, 0]
    for wanted, words in (("3", "out of range"), ("-1", "out of range"), ("zeroo", "Did you mean zero")):
        with pytest.raises(UserError, match=words):
            class_number(named, wanted)


def test_a_network_of_one_size_is_set_to_another():
    found = open_model("test_vit", size=(96, 64))
    with torch.no_grad():
        assert found.model(torch.zeros(1, 3, 96, 64)).shape == (1, 1000)


def test_results_are_arrays_by_path(tmp_path, network):
    from parcnet.explain import oversized_kernels, reach

    save_arrays(tmp_path / "x.npz", kernels=oversized_kernels(network), reach=reach(network))
    with np.load(tmp_path / "x.npz") as stored:
        assert stored["kernels/layer"] == "stages.2.blocks.0.spatial.mix.oversized"
        np.testing.assert_array_equal(stored["kernels/vertical"], oversized_kernels(network).vertical)
        np.testing.assert_allclose(stored["reach/3/energy_h"], [1.0])
