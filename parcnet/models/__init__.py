"""Networks registered with timm, and the weights that fit them."""

from parcnet.models import ablations, convnext_hybrids  # noqa: F401 - register their networks
from parcnet.models.adapting import Adapted, adapt
from parcnet.models.by_name import build
from parcnet.models.catalogue import Entry, catalogue
from parcnet.models.comparators import RepLKNet, SLaK
from parcnet.models.complexity import Complexity, complexity
from parcnet.models.official_weights import load_official_weights
from parcnet.models.optimize import OptimizedNetwork, optimize
from parcnet.models.parc_convnext import ParCConvNeXt
from parcnet.models.parc_net import ParCNet
from parcnet.models.parcnetv2 import ParCNetV2
from parcnet.models.parcnetv2_arxiv import ParCNetV2ArXiv

__all__ = [
    "Adapted",
    "Complexity",
    "Entry",
    "OptimizedNetwork",
    "ParCConvNeXt",
    "ParCNet",
    "ParCNetV2",
    "ParCNetV2ArXiv",
    "RepLKNet",
    "SLaK",
    "adapt",
    "build",
    "catalogue",
    "complexity",
    "load_official_weights",
    "optimize",
]
