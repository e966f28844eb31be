"""ParCNetV2's layers inside other networks."""

from parcnet.models.adapting.adapt import adapt
from parcnet.models.adapting.adapted import Adapted, Change

__all__ = ["Adapted", "Change", "adapt"]
