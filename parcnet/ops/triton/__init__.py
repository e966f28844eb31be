"""The fused GPU operator of the spatial BGU. Imports without triton or a GPU; `available` says what is missing."""

from parcnet.ops.triton.requirements import available, refuses
from parcnet.ops.triton.spatial_mix import spatial_mix

__all__ = ["available", "refuses", "spatial_mix"]
