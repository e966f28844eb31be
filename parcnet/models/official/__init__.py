"""The authors' checkpoints: safe reading, and a table of parameter names for each family of networks."""

from parcnet.models.official.convert_parc_convnext import PARC_CONVNEXT
from parcnet.models.official.convert_parc_net import PARC_NET
from parcnet.models.official.convert_parcnetv2 import PARCNETV2
from parcnet.models.official.family import Family
from parcnet.models.official.reading import read, unwrapped

FAMILIES = (PARCNETV2, PARC_CONVNEXT, PARC_NET)

__all__ = ["FAMILIES", "Family", "read", "unwrapped"]
