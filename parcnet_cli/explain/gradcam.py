"""`parcnet explain gradcam`: class activation maps."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from parcnet_cli.common.arguments import parse
from parcnet_cli.explain.options import ImageOptions, LayerName, OutputFiles
from parcnet_cli.explain.output import check_request, open_network, write_outputs

_DESCRIPTION = """\
Grad-CAM: the regions of a stage's map that support a class, by default the most probable one.

  parcnet explain gradcam runs/digits-...
  parcnet explain gradcam best.safetensors cat.jpg dog.jpg --layer 3 --class tabby -o cats.svg
  parcnet explain gradcam best.safetensors cat.jpg --method layercam --layer 2
  parcnet explain gradcam best.safetensors photos/ --compare convnext_tiny:convnext_tiny.safetensors -o both.png
"""


@dataclass(frozen=True)
class GradCamOptions(ImageOptions):
    """Which network, images and class."""

    layer: LayerName = None
    """A stage by number, from 1, or any layer by name. None: the last stage."""
    target: Annotated[str | None, tyro.conf.arg(name="class")] = None
    """A class by name, or by number from 0. None: the most probable class of each image."""
    method: Annotated[str, tyro.conf.arg(metavar="METHOD")] = "gradcam"
    """gradcam; or gradcam++, xgradcam, hirescam, layercam, eigencam, eigengradcam, which need the extra `explain`."""
    compare: Annotated[str | None, tyro.conf.arg(metavar="NAME[:FILE]")] = None
    """Another network, for a picture of three rows: images, the other network, this one."""
    limit: int = 8
    """Maximum number of images; the first in order."""
    output: OutputFiles = (Path("gradcam.png"),)
    """Pictures, or .npz for the arrays; several names write several files."""


def run(arguments: Sequence[str]) -> int:
    """Explains, draws and writes; exit code 0. Raises `UserError`."""
    options = parse(GradCamOptions, "explain gradcam", _DESCRIPTION, arguments)
    check_request(options.output)

    from parcnet.base import next_steps, pick_device, table
    from parcnet.explain import GradCam, Images, gradcam, read_images
    from parcnet.explain.explained_model import class_number
    from parcnet.explain.pictures import draw_gradcam

    device = pick_device(options.device)
    networks = [open_network(text, options.img_size) for text in (options.network, options.compare) if text is not None]
    targets = [class_number(network, options.target) for network in networks]
    rows: list[tuple[str, Images, GradCam, list[str]]] = []
    arrays: dict[str, Any] = {}
    own_images: Images | None = None
    for network, target in zip(networks, targets, strict=True):
        images = read_images(network, options.images, limit=options.limit, data=networks[0].data)
        layer = options.layer if own_images is None else None
        own_images = own_images or images
        cam = gradcam(
            network.classifier,
            images.tensor,
            layer=layer,
            target=target,
            method=options.method,
            device=device,
            dtype=options.dtype,
        )
        labels = [network.classes[number] for number in cam.classes]
        rows.insert(0, (network.title, images, cam, labels))
        name = "compared" if arrays else "gradcam"
        arrays[name] = {"found": cam, "network": network.name, "pictures": images.pictures}
    assert own_images is not None
    arrays["images"] = {"names": own_images.names}
    write_outputs(options.output, arrays, lambda path: draw_gradcam(rows, path, own_images))
    cells = [
        (title, name, label, f"{probability:.1%}")
        for title, images, cam, labels in reversed(rows)
        for name, label, probability in zip(images.names, labels, cam.probabilities, strict=True)
    ]
    table("Explained classes", ("network", "image", "class", networks[0].measure), cells)
    command = f"parcnet explain gradcam {shlex.quote(options.network)} --layer 3"
    next_steps([(command, "maps of the third stage, at a finer resolution")])
    return 0
