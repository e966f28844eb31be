"""Networks of other authors that the papers compare with and timm lacks, built from their papers."""

from parcnet.models.comparators.replknet import RepLKNet
from parcnet.models.comparators.slak import SLaK

__all__ = ["RepLKNet", "SLaK"]
