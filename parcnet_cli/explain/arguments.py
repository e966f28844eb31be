"""The options of `parcnet explain`, and what its help says."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

HELP = """\
parcnet explain: what a network looks at, as pictures (.png, .svg, .pdf) and as arrays (.npz).

  parcnet explain gradcam NETWORK IMAGE...    which places speak for a class, beside another network
  parcnet explain kernels NETWORK             oversized kernels as strips and as 2-D kernels; do they reach far?
  parcnet explain erf NETWORK IMAGE...        effective receptive field over real images, beside any timm network
  parcnet explain gates NETWORK IMAGE...      where the spatial gates close, and how often, in each stage
  parcnet explain position NETWORK IMAGE...   what the features of each stage tell of their position

NETWORK is a run folder or checkpoint of ours; NAME:FILE, a network of ours or timm's with weights of its authors; or
NAME alone, untrained. IMAGE is a file or a folder; a network trained on the embedded digits needs none.
`parcnet explain WHAT --help` shows the options.
"""

GRADCAM = """\
Grad-CAM: which places of a stage's map speak for a class, the likeliest one unless --class names another.

  parcnet explain gradcam runs/digits-...
  parcnet explain gradcam best.safetensors cat.jpg dog.jpg --layer 3 --class tabby -o cats.svg
  parcnet explain gradcam best.safetensors cat.jpg --method layercam --layer 2
  parcnet explain gradcam best.safetensors photos/ --compare convnext_tiny:convnext_tiny.safetensors -o both.png
"""

KERNELS = """\
The vertical and horizontal kernels of one oversized convolution, the 2-D kernels they amount to with the local 7x7, and
through depth: energy against distance, spectrum, symmetry. No image is needed.

  parcnet explain kernels runs/digits-...
  parcnet explain kernels best.safetensors --layer stages.1 --seed 1 -o kernels.svg kernels.npz
"""

ERF = """\
The effective receptive field: which pixels the middle of the last map listens to, mean over real images, and the area
that holds 20, 30, 50 and 99 % of the contribution, as RepLKNet's users report it.

  parcnet explain erf runs/digits-...
  parcnet explain erf best.safetensors photos/ --compare resnet50:resnet50.pth --img-size 512 512 -o erf.png
"""

GATES = """\
The gates of the spatial gate units as maps, and how often they close, in each unit.

  parcnet explain gates runs/digits-...
  parcnet explain gates best.safetensors photos/ -o gates.png gates.npz
"""

POSITION = """\
Reads row and column from each stage's features by a linear probe, on images the probe was not fitted to, and again
after the images were moved: do features tell the place in the frame, or what the image shows there?

  parcnet explain position runs/mine photos/
  parcnet explain position best.safetensors photos/ --shift 64 -o position.png
"""

Output = Annotated[tuple[Path, ...], tyro.conf.arg(aliases=["-o"])]
NetworkArgument = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NETWORK")]
ImagesArgument = Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IMAGE...")]
Layer = Annotated[str | None, tyro.conf.arg(metavar="NAME|NUMBER")]


@dataclass(frozen=True)
class Seen:
    """What every command that shows images to a network takes."""

    network: NetworkArgument
    """A run folder, a checkpoint, NAME:FILE, or NAME for untrained weights."""
    images: ImagesArgument = ()
    """Image files and folders. None given: the embedded digits, for a network trained on them."""
    img_size: tuple[int, int] | None = None
    """Height and width in px that images are brought to. None: as the network was trained."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    dtype: Literal["fp32", "bf16"] = "fp32"
    """Precision of the forward and backward passes; bf16 by autocast."""


@dataclass(frozen=True)
class GradCamArguments(Seen):
    """Which network, images and class."""

    layer: Layer = None
    """A stage by its number from 1, or any layer by name. None: the last stage."""
    target: Annotated[str | None, tyro.conf.arg(name="class")] = None
    """A class by name, or by number from 0. None: the likeliest of each image."""
    method: Annotated[str, tyro.conf.arg(metavar="METHOD")] = "gradcam"
    """gradcam; or gradcam++, xgradcam, hirescam, layercam, eigencam, eigengradcam, which need the extra `explain`."""
    compare: Annotated[str | None, tyro.conf.arg(metavar="NAME[:FILE]")] = None
    """Another network, for a picture of three rows: images, the other, this one."""
    limit: int = 8
    """Images at most; the first in order."""
    output: Output = (Path("gradcam.png"),)
    """Pictures, or .npz for the arrays; several names write several files."""


@dataclass(frozen=True)
class KernelsArguments:
    """Which kernels."""

    network: NetworkArgument
    """A run folder, a checkpoint, NAME:FILE, or NAME for untrained weights."""
    layer: Layer = None
    """A stage by its number from 1, or any layer by name; its last oversized convolution. None: stage 3."""
    channels: int = 16
    """Channels drawn as strips; twice as many as 2-D kernels."""
    seed: int = 0
    """Draws the channels."""
    output: Output = (Path("kernels.png"),)
    """Pictures, or .npz for the arrays; several names write several files."""


@dataclass(frozen=True)
class FieldArguments(Seen):
    """Whose receptive field, over which images."""

    layer: Layer = None
    """A stage by its number from 1, or any layer by name. None: the last stage. For the first network alone."""
    compare: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME[:FILE]")] = ()
    """Other networks beside it, each by its last stage, at the same image size."""
    limit: int = 50
    """Images at most; the first in order."""
    output: Output = (Path("erf.png"),)
    """Pictures, or .npz for the arrays; several names write several files."""


@dataclass(frozen=True)
class GatesArguments(Seen):
    """Whose gates, on which images."""

    threshold: float = 0.1
    """A gate is closed below this share of its channel's root mean square."""
    limit: int = 16
    """Images at most; the first in order."""
    output: Output = (Path("gates.png"),)
    """Pictures, or .npz for the arrays; several names write several files."""


@dataclass(frozen=True)
class PositionArguments(Seen):
    """Whose features, on which images."""

    shift: int | None = None
    """How far images are moved, px: a multiple of the last stage's reduction. None: that itself."""
    limit: int = 100
    """Images at most; the first in order. Half of them fit the probe."""
    output: Output = (Path("position.png"),)
    """Pictures, or .npz for the arrays; several names write several files."""
