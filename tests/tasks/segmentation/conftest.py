import pytest
import torch

from parcnet.tasks.backbone import build_backbone
from parcnet.tasks.segmentation import Segmenter, segmenter


@pytest.fixture
def small() -> Segmenter:
    """UperNet of five classes over a small network of ours, seeded."""
    torch.manual_seed(0)
    backbone = build_backbone("parcnetv2_digits", {"img_size": 64})
    return segmenter(backbone, 5, channels=16, auxiliary_channels=8)
