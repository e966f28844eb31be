"""Exported segmenters: logits of one size, sliding windows over larger images."""

import pytest
import torch

from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing, open_image
from parcnet.data.packaged_images import PHOTOGRAPHS, photograph_path
from parcnet.deploy import SUFFIXES, export, open_exported
from parcnet.deploy.comparison_images import real_images
from parcnet.tasks.loading import load
from parcnet.tasks.segmentation.data import SegmentationEvaluation
from parcnet.tasks.segmentation.file_inference import padded_predictor, settings_for_file
from parcnet.tasks.segmentation.sliding_inference import InferenceSettings, predict_log_probabilities
from parcnet.tasks.segmentation.upernet import segmenter_of

PREPROCESSING = Preprocessing((64, 96), (0.4, 0.45, 0.5), (0.2, 0.25, 0.3), "bilinear", 1.0)
INFERENCE = {"resize_to": [96, 192], "inference": "slide", "window": [64, 96], "stride": [43, 64]}


def segmenter(folder, **changed):
    """A checkpoint of UperNet over a small network of ours whose every factor matters, five classes."""
    numbers = {"img_size": 64, "dims": [8, 16, 24, 32], "kernel_fit": changed.pop("kernel_fit", "interpolate")}
    about = Metadata(
        changed.pop("model", "parcnetv2_digits"),
        changed.pop("model_args", numbers),
        ("sky", "wall", "tree", "boat", "person"),
        PREPROCESSING.to_dict(),
        "photographs",
        task="segmentation",
        task_args={
            "decoder": {"channels": 8, "auxiliary_channels": 8, "dropout": 0.1},
            "looks": INFERENCE | changed,
            "reduce_zero_label": False,
        },
    )
    torch.manual_seed(0)
    network = segmenter_of(about)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.dim() > 1:
                parameter.mul_(2 if "kernel" in name else 1.5)
            elif "scale" in name:
                parameter.uniform_(0.5, 1.5)
            elif name.endswith("bias"):
                parameter.normal_(std=0.3)
    path = folder / "segmenter.safetensors"
    checkpoint.save(path, network.state_dict(), about)
    return path


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return segmenter(tmp_path_factory.mktemp("segmenter"))


@pytest.fixture(scope="module")
def file(saved, tmp_path_factory):
    path = tmp_path_factory.mktemp("file") / "net.pt2"
    return export(saved, path, format="torch-export", batch=None, algorithm="conv")


@pytest.fixture(scope="module")
def opened(file):
    return open_exported(file.path)


def photograph(height=200, width=300):
    """A real one [3, H, W], normalised."""
    about = Preprocessing((height, width), PREPROCESSING.mean, PREPROCESSING.std, "bilinear", 1.0)
    return real_images(about, 1, "photographs")[0]


def file_probabilities(file, image, settings, size):
    """Log probabilities of an exported file for an image of any size."""
    predictor = padded_predictor(file, file.info.metadata)
    return predict_log_probabilities(predictor, image, settings_for_file(settings, file.size), size)


def test_a_file_returns_the_logits_of_the_checkpoint(opened, saved) -> None:
    images = real_images(PREPROCESSING, 3, "photographs")
    with torch.no_grad():
        wanted = load(saved)(images)
    found = opened(images)
    assert found.shape == (3, 5, 64, 96)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_the_comparison_counts_pixels(file) -> None:
    assert file.info.outputs == ("logits",)
    assert file.info.algorithms == ("conv",) * 4
    assert file.parity.counted == "pixels"
    assert file.parity.agreement > 0.999
    assert "of the pixels (4 images)" in str(file.parity)


def test_a_file_slides_over_a_large_image_as_the_checkpoint_does(opened, saved) -> None:
    network, image, size = load(saved), photograph(), (200, 300)
    with torch.no_grad():
        wanted = predict_log_probabilities(
            network, image, InferenceSettings((96, 192), "slide", (64, 96), (43, 64)), size
        )
    found = file_probabilities(opened, image, InferenceSettings((96, 192), "slide", (64, 96), (43, 64)), size)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_whole_image_inference_equals_the_checkpoint_s_at_the_file_s_size(opened, saved) -> None:
    network, image = load(saved), photograph(128, 192)
    settings = InferenceSettings((64, 96), "whole")
    with torch.no_grad():
        wanted = predict_log_probabilities(network, image, settings, (128, 192))
    found = file_probabilities(opened, image, settings, (128, 192))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("inference", ["slide", "whole"])
def test_an_image_of_any_shape_is_covered(inference, opened) -> None:
    settings = InferenceSettings((30, 225), inference, (64, 96), (43, 64))
    probabilities = file_probabilities(opened, photograph(40, 300), settings, (40, 300))
    assert probabilities.shape == (5, 40, 300)
    torch.testing.assert_close(probabilities.exp().sum(0), torch.ones(40, 300))


@pytest.mark.slow
def test_a_file_with_pixel_input_pads_with_the_mean_colour(saved, opened, tmp_path) -> None:
    made = export(saved, tmp_path / "net.pt2", format="torch-export", algorithm="conv", pixels=True)
    own = open_exported(made.path)
    settings = InferenceSettings((48, 96), "whole")
    image = SegmentationEvaluation(PREPROCESSING)
    raw = SegmentationEvaluation(own.preprocessing)
    photo = open_image(photograph_path(PHOTOGRAPHS[0])).resize((96, 48))
    wanted = file_probabilities(opened, image.image(photo), settings, (48, 96))
    found = file_probabilities(own, raw.image(photo), settings, (48, 96))
    assert (found - wanted).abs().mean() < 0.02  # colours, and the one that pads, in 8 bits
    assert (found.argmax(0) == wanted.argmax(0)).float().mean() > 0.98


def test_fixed_kernels_stay_as_long_as_they_were_trained(tmp_path) -> None:
    path = segmenter(tmp_path, kernel_fit="fixed")
    made = export(path, tmp_path / "net.pt2", format="torch-export", algorithm="matmul", size=(96, 64))
    assert made.parity.maximum < 1e-3


@pytest.mark.slow
def test_a_backbone_with_kernels_of_another_kind_is_fitted_to_its_maps(tmp_path) -> None:
    numbers = {"img_size": 64, "dims": [8, 16, 24, 32], "depths": [1, 1, 2, 1]}
    path = segmenter(tmp_path, model="parc_convnext_tiny", model_args=numbers)
    made = export(path, tmp_path / "net.pt2", format="torch-export")
    assert made.info.algorithms == ()
    assert made.parity.maximum < 1e-3


def test_accuracy_is_measured_for_classifiers_only(saved, tmp_path) -> None:
    with pytest.raises(UserError, match="for classifiers alone"):
        export(saved, tmp_path / "net.pt2", format="torch-export", algorithm="conv", data_dir=str(tmp_path))


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        ("onnx", "fp32"),
        pytest.param("onnx", "fp16", marks=pytest.mark.slow),
        pytest.param("onnx", "int8", marks=pytest.mark.slow),
        pytest.param("openvino", "fp32", marks=pytest.mark.slow),
        pytest.param("openvino", "int8", marks=pytest.mark.slow),
        pytest.param("mnn", "fp32", marks=pytest.mark.slow),
    ],
)
def test_runtimes_agree_on_the_pixels(kind, dtype, saved, tmp_path) -> None:
    pytest.importorskip({"onnx": "onnxruntime", "mnn": "MNN"}.get(kind, kind))
    made = export(saved, tmp_path / f"net{SUFFIXES[kind]}", format=kind, dtype=dtype, algorithm="conv")
    assert made.parity.counted == "pixels"
    assert made.parity.agreement > {"fp32": 0.999, "fp16": 0.98, "int8": 0.8}[dtype]
