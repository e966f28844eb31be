"""`parcnet publish`: a trained network made ready for others."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Makes a folder that others load: config.json and safetensors as timm reads them, and a model card with recipe, data,
metrics and limits. Nothing leaves this machine unless you name a --hub repository.

  parcnet publish runs/digits-... --to parcnet-digits
  parcnet publish runs/digits-... --to parcnet-digits --license apache-2.0 --hub OWNER/parcnet-digits

Then, anywhere:  import parcnet, timm; timm.create_model("local-dir:parcnet-digits", pretrained=True)
"""


@dataclass(frozen=True)
class Arguments:
    """What, and where to."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN_FOLDER|CHECKPOINT")]
    """A run folder of `parcnet train`, which stands for its best checkpoint, or one checkpoint."""
    to: Path
    """The folder to write; its name is the name on the card."""
    license_name: Annotated[str, tyro.conf.arg(name="license")] = "unknown"
    """Of the weights, as the hub spells it, e.g. apache-2.0."""
    overwrite: bool = False
    """Replace the folder if it exists."""
    hub: str | None = None
    """Also upload it to this repository, OWNER/NAME, with the token of `hf auth login`."""
    public: bool = False
    """For everybody to see; without it a new repository is private."""


def run(arguments: Sequence[str]) -> int:
    """Publishes; exit code 0."""
    asked = parse(Arguments, "publish", _DESCRIPTION, arguments)

    from parcnet.base import UserError, next_steps, say, warn  # here, for the library takes seconds to load
    from parcnet.sharing import publish, upload

    if asked.hub is not None and asked.hub.count("/") != 1:
        raise UserError(f"--hub {asked.hub}: expected OWNER/NAME, such as me/parcnet-flowers.")
    done = publish(asked.run, asked.to, license_name=asked.license_name, overwrite=asked.overwrite)
    say(f"{done.folder}: {done.model}, {done.classes} classes, with config.json, model.safetensors and README.md")
    if asked.license_name == "unknown":
        warn("the card says that the licence of the weights is unknown: say it with --license NAME.")
    if asked.hub is not None:
        say(f"uploaded to {upload(done.folder, asked.hub, private=not asked.public)}")
    next_steps([(f"parcnet predict {shlex.quote(str(done.folder))} IMAGE", "as people will use it")])
    return 0
