"""What a network looks at: pictures as arrays. Every function gives the network back unchanged."""

from parcnet.explain.hooks import borrowed, captured
from parcnet.explain.cam_methods import METHODS
from parcnet.explain.receptive_field import Field, area_of, receptive_field
from parcnet.explain.gates import Gate, Gates, gates
from parcnet.explain.gradcam import GradCam, gradcam
from parcnet.explain.kernels import Kernels, Reach, oversized_kernels, reach
from parcnet.explain.position import Position, Probe, position
from parcnet.explain.result_files import save_arrays
from parcnet.explain.explained_model import Images, Subject, read_images, subject

__all__ = [
    "METHODS",
    "Field",
    "Gate",
    "Gates",
    "GradCam",
    "Images",
    "Kernels",
    "Position",
    "Probe",
    "Reach",
    "Subject",
    "area_of",
    "borrowed",
    "captured",
    "gates",
    "gradcam",
    "oversized_kernels",
    "position",
    "reach",
    "read_images",
    "receptive_field",
    "save_arrays",
    "subject",
]
