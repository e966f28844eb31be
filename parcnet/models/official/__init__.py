"""The authors' checkpoints: reading the files, and one table of names for each family of networks."""

from parcnet.models.official.family import Family
from parcnet.models.official.parc_convnext import PARC_CONVNEXT
from parcnet.models.official.parc_net import PARC_NET
from parcnet.models.official.parcnetv2 import PARCNETV2
from parcnet.models.official.reading import read, unwrapped

FAMILIES = (PARCNETV2, PARC_CONVNEXT, PARC_NET)

__all__ = ["FAMILIES", "Family", "read", "unwrapped"]
