"""Exported detectors: fixed shapes from the image to boxes, classes and masks."""

import pytest
import torch

from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.data import Preprocessing
from parcnet.deploy import SUFFIXES, export, open_exported
from parcnet.deploy.comparison_images import real_images
from parcnet.tasks.detection.building import detector_of
from parcnet.tasks.detection.file_inference import detect_with_file
from parcnet.tasks.detection.fixed_shapes import FixedShapeDetector, SingleImageDetector
from parcnet.tasks.detection.object_parity import compare_objects
from parcnet.tasks.loading import load

SIZE = (128, 192)
PREPROCESSING = Preprocessing((128, 192), (0.4, 0.45, 0.5), (0.2, 0.25, 0.3), "bilinear", 1.0)
SPREAD = {"cls_logits": 0.3, "rpn.head.bbox_pred": 0.05, "cls_score": 0.3, "box_predictor.bbox_pred": 0.03}


def metadata(kind: str, **changed) -> Metadata:
    return Metadata(
        "parcnetv2_digits",
        {"depths": [1, 1, 1, 1], "dims": [8, 12, 16, 24], "img_size": 64},
        ("cup", "ball", "hat"),
        PREPROCESSING.to_dict(),
        "photographs",
        task="detection",
        task_args={
            "detector": kind, "short_side": 128, "long_side": 192, "score_threshold": 0.2, "detections": 20,
            "mean": list(PREPROCESSING.mean), "std": list(PREPROCESSING.std),
        } | changed,
    )  # fmt: skip


def detector(about: Metadata):
    """An untrained detector with distinct scores and shifted boxes."""
    torch.manual_seed(0)
    network = detector_of(about).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            for part, spread in SPREAD.items():
                if f"{part}.weight" in name:
                    parameter.normal_(std=spread)
            if "scale" in name:
                parameter.uniform_(0.5, 1.5)
    return network


def photographs(count=2, size=SIZE):
    about = Preprocessing(size, PREPROCESSING.mean, PREPROCESSING.std, "bilinear", 1.0)
    return real_images(about, count, "photographs")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path, about = tmp_path_factory.mktemp("detector") / "mask_rcnn.safetensors", metadata("mask_rcnn")
    checkpoint.save(path, detector(about).state_dict(), about)
    return path


@pytest.fixture(scope="module")
def made(saved, tmp_path_factory):
    return export(
        saved, tmp_path_factory.mktemp("file") / "net.pt2", format="torch-export", size=SIZE, algorithm="conv"
    )


@pytest.fixture(scope="module")
def file(made):
    return open_exported(made.path)


@pytest.mark.parametrize(
    ("kind", "changed", "kept"),
    [
        ("mask_rcnn", {}, None),
        ("mask_rcnn", {"class_agnostic": True, "detections": 3}, 40),
        ("cascade_mask_rcnn", {"score_threshold": 0.0}, 40),
        ("cascade_mask_rcnn", {"class_agnostic": False}, 20),
    ],
)
def test_fixed_shapes_detect_the_same_objects_as_torchvision_s_lists(kind, changed, kept) -> None:
    plain = SingleImageDetector(detector(metadata(kind, **changed)))
    if kept is not None:  # fewer proposals than there are, of each level and of all
        plain.detector.rpn._pre_nms_top_n = plain.detector.rpn._post_nms_top_n = {"testing": kept}
    images = photographs(2, (64, 96))
    fixed = FixedShapeDetector(plain.detector, images[:1])
    with torch.no_grad():
        found = compare_objects(plain, fixed, images)
        assert int((plain(images[:1])[1] > 0).sum()) >= min(3, plain.detections)
    assert found.agreement == 1.0
    assert found.maximum < 1e-5


def test_without_detections_the_rows_are_empty() -> None:
    about = metadata("mask_rcnn", score_threshold=0.999)
    with torch.no_grad():
        boxes, scores, labels, masks = FixedShapeDetector(detector(about), photographs(1))(photographs(1))
    assert (boxes.shape, scores.shape) == ((1, 20, 4), (1, 20))
    assert (labels.shape, masks.shape) == ((1, 20), (1, 20, 28, 28))
    assert not any(bool(each.any()) for each in (boxes, scores, labels, masks))


@pytest.mark.slow
def test_the_file_names_its_outputs_and_parity_counts_objects(made) -> None:
    assert made.info.outputs == ("boxes", "scores", "labels", "masks")
    assert made.parity.counted == "objects"
    assert made.parity.agreement == 1.0
    assert made.parity.maximum < 1e-4


@pytest.mark.slow
def test_an_image_of_another_size_gives_the_checkpoint_s_detections(file, made, saved) -> None:
    network = load(saved)
    pixels = (photographs(1, (256, 384))[0] * 0.2 + 0.4).clamp(0, 1).mul(255).to(torch.uint8)
    with torch.no_grad():
        (expected,) = network([pixels])
    exported = detect_with_file(file, pixels, file.info.metadata)
    assert exported["masks"].shape == (len(exported["scores"]), 1, 256, 384)
    sides = [[each[name][None] for name in made.info.outputs] for each in (expected, exported)]
    found = compare_objects(lambda _: sides[0], lambda _: sides[1], pixels[None])
    assert found.agreement > 0.9  # an untrained detector has tied scores
    assert found.maximum < 1e-2


@pytest.mark.slow
def test_boxes_stay_inside_an_image_that_leaves_part_of_the_file_empty(file) -> None:
    pixels = torch.randint(0, 256, (3, 90, 60), dtype=torch.uint8)
    found = detect_with_file(file, pixels, file.info.metadata)
    assert found["masks"].shape == (len(found["scores"]), 1, 90, 60)
    assert bool((found["boxes"] >= 0).all())
    assert bool((found["boxes"] <= torch.tensor([60.0, 90.0, 60.0, 90.0]) + 1e-3).all())


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"format": "mnn"}, "cannot be exported to mnn in fp32: expected onnx in fp32; openvino in fp32 or fp16"),
        ({"dtype": "int8"}, "cannot be exported to onnx in int8"),
        ({"batch": None}, "batch is dynamic: an exported detector takes one image"),
        ({"batch": 2}, "batch is 2"),
        ({"size": (100, 200)}, "multiples of 32, e.g. 128 x 224"),
    ],
)
def test_an_unsupported_detector_export_is_an_error(wish, message, saved, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        export(saved, **wish)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mask_rcnn", "cascade_mask_rcnn"])
@pytest.mark.parametrize("format_", ["onnx", "openvino"])
def test_runtimes_find_the_same_objects(format_, kind, tmp_path) -> None:
    """In fp32: nearly tied scores of an untrained detector change when weights are rounded to fp16."""
    pytest.importorskip("onnxruntime" if format_ == "onnx" else format_)
    about = metadata(kind)
    checkpoint.save(tmp_path / "detector.safetensors", detector(about).state_dict(), about)
    made = export(
        tmp_path / "detector.safetensors", tmp_path / f"net{SUFFIXES[format_]}", format=format_, algorithm="matmul"
    )
    assert made.info.request.size == SIZE
    assert made.parity.agreement > 0.98


def test_images_without_objects_verify_nothing_and_are_reported() -> None:
    nothing = [torch.zeros(1, 3, 4), torch.zeros(1, 3), torch.zeros(1, 3), torch.zeros(1, 3, 28, 28)]
    found = compare_objects(lambda _: nothing, lambda _: nothing, torch.zeros(2, 3, 64, 64))
    assert found.agreement is None
    assert "detect no objects in 2 images" in str(found)


def test_missing_and_shifted_objects_lower_the_agreement() -> None:
    boxes = torch.tensor([[[0.0, 0, 10, 10], [20, 20, 40, 40], [0, 0, 0, 0]]])
    scores, labels, masks = torch.tensor([[0.9, 0.8, 0]]), torch.tensor([[1, 0, 0]]), torch.rand(1, 3, 28, 28)
    image = torch.zeros(1, 3, 64, 64)

    def compared(*changed):
        return compare_objects(lambda _: (boxes, scores, labels, masks), lambda _: changed, image)

    swapped = (each[:, [1, 0, 2]] for each in (boxes, scores, labels, masks))
    assert compared(*swapped).maximum == 0
    assert compared(boxes, scores, torch.tensor([[1, 1, 0]]), masks).agreement == 0.5
    moved = compared(boxes + 0.16, scores, labels, masks)
    assert moved.agreement == 1.0
    assert moved.maximum == pytest.approx(0.16 / 64, rel=1e-4)
