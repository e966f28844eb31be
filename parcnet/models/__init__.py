"""Networks registered with timm, and the weights that fit them."""

from parcnet.models.building import build, from_checkpoint, load
from parcnet.models.catalogue import Entry, catalogue
from parcnet.models.complexity import Complexity, complexity
from parcnet.models.official_weights import load_official_weights
from parcnet.models.optimize import OptimizedNetwork, optimize
from parcnet.models.parcnetv2 import ParCNetV2

__all__ = [
    "Complexity",
    "Entry",
    "OptimizedNetwork",
    "ParCNetV2",
    "build",
    "catalogue",
    "complexity",
    "from_checkpoint",
    "load",
    "load_official_weights",
    "optimize",
]
