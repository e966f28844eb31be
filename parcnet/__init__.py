"""The ParCNet family of vision backbones. Importing this package registers every network with timm."""

from parcnet import models
from parcnet.models import adapt, load_official_weights, optimize
from parcnet.tasks.loading import load
from parcnet.version import __version__

__all__ = ["__version__", "adapt", "load", "load_official_weights", "models", "optimize"]
