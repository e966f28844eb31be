"""`parcnet publish`: a trained network as a folder or hub repository that others can load."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Writes a folder that others can load: config.json and safetensors in timm's format, and a model card with recipe, data,
metrics and limitations. Nothing is uploaded unless you name a --hub repository.

  parcnet publish runs/digits-... --to parcnet-digits
  parcnet publish runs/digits-... --to parcnet-digits --license apache-2.0 --hub OWNER/parcnet-digits

Then, anywhere:  import parcnet, timm; timm.create_model("local-dir:parcnet-digits", pretrained=True)
"""


@dataclass(frozen=True)
class PublishOptions:
    """What to publish, and where."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN_FOLDER|CHECKPOINT")]
    """A run folder of `parcnet train`, which stands for its best checkpoint, or one checkpoint."""
    to: Path
    """The folder to write; the model card is titled with its name."""
    license_name: Annotated[str, tyro.conf.arg(name="license")] = "unknown"
    """Licence of the weights, as the hub spells it, e.g. apache-2.0."""
    overwrite: bool = False
    """Replace the folder if it exists."""
    hub: str | None = None
    """Also upload to this repository, OWNER/NAME, with the token of `hf auth login`."""
    public: bool = False
    """Make a new repository public; the default is private."""


def run(arguments: Sequence[str]) -> int:
    """Publishes; exit code 0."""
    options = parse(PublishOptions, "publish", _DESCRIPTION, arguments)

    from rich.markup import escape

    from parcnet.base import UserError, next_steps, say, warn  # here, because the library takes seconds to load
    from parcnet.sharing import publish, upload

    if options.hub is not None and options.hub.count("/") != 1:
        raise UserError(f"--hub {options.hub}: expected OWNER/NAME, such as me/parcnet-flowers.")
    published = publish(options.run, options.to, license_name=options.license_name, overwrite=options.overwrite)
    files = "config.json, model.safetensors and README.md"
    say(f"{escape(str(published.folder))}: {published.model}, {published.classes} classes, with {files}")
    if options.license_name == "unknown":
        warn("the card states that the licence of the weights is unknown: name it with --license NAME.")
    if options.hub is not None:
        say(f"uploaded to {upload(published.folder, options.hub, private=not options.public)}")
    next_steps([(f"parcnet predict {shlex.quote(str(published.folder))} IMAGE", "uses the folder as others will")])
    return 0
