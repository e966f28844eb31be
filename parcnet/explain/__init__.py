"""Explanations of a network as arrays and pictures. Every function leaves the network unchanged."""

from parcnet.explain.cam_methods import METHODS
from parcnet.explain.explained_model import ExplainedModel, Images, open_model, read_images
from parcnet.explain.gates import Gate, Gates, gates
from parcnet.explain.gradcam import GradCam, gradcam
from parcnet.explain.hooks import borrowed, captured
from parcnet.explain.kernels import Kernels, Reach, oversized_kernels, reach
from parcnet.explain.position import PositionProbes, StageProbe, position
from parcnet.explain.receptive_field import ReceptiveField, area_of, receptive_field
from parcnet.explain.result_files import save_arrays

__all__ = [
    "METHODS",
    "ExplainedModel",
    "Gate",
    "Gates",
    "GradCam",
    "Images",
    "Kernels",
    "PositionProbes",
    "Reach",
    "ReceptiveField",
    "StageProbe",
    "area_of",
    "borrowed",
    "captured",
    "gates",
    "gradcam",
    "open_model",
    "oversized_kernels",
    "position",
    "reach",
    "read_images",
    "receptive_field",
    "save_arrays",
]
