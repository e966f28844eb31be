"""Run folder -> a folder that timm, the hub and `parcnet.load` read, with a model card."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from timm.models import save_for_hf
from torch import nn

from parcnet import checkpoint
from parcnet.base import UserError, staging_folder
from parcnet.models import from_checkpoint
from parcnet.sharing.model_card import Card, card

WEIGHTS = "model.safetensors"
"""timm's name for weights, and a parcnet checkpoint as well: its header tells classes, preprocessing and recipe."""


@dataclass(frozen=True, slots=True)
class Published:
    """What was written, and how others load it."""

    folder: Path
    model: str
    classes: int
    top1: float | None
    """On the split that was not used to choose the epoch, if the run folder tells; in [0, 1]."""


def publish(run: str | Path, to: str | Path, *, license_name: str = "unknown", overwrite: bool = False) -> Published:
    """Writes `to` from a run folder or a checkpoint: `config.json` as timm writes it, weights, and a model card.

        timm.create_model("local-dir:TO", pretrained=True)      after `import parcnet`
        parcnet.load(TO)                                        and `parcnet predict TO photo.jpg`

    The card says what the checkpoint and the run's `result.json` say: recipe, data, metrics with their command, limits.
    `license_name` is that of the weights, in the hub's spelling ("apache-2.0", "cc-by-nc-4.0"); whoever trained them on
    which data knows it, so "unknown" stays until somebody says. The folder appears as a whole, or not at all.

    Raises `UserError` for what is no checkpoint, for one of another task than classification, and for a folder that
    holds something else unless `overwrite`.
    """
    network, metadata = from_checkpoint(run)
    if metadata.task != "classification":
        raise UserError(
            f"{run} is a {metadata.task} network, and timm's format holds classifiers. Share the checkpoint file as it "
            "is: parcnet reads it."
        )
    to, result = Path(to), _result(Path(run))
    if to.exists() and not overwrite and (not to.is_dir() or any(to.iterdir())):
        raise UserError(f"{to} exists already. Choose another --to, or say --overwrite.")
    with staging_folder(to) as folder:
        _save(network, metadata, folder)
        written = Card(metadata, result, sum(each.numel() for each in network.parameters()), license_name)
        (folder / "README.md").write_text(card(written, to.name), encoding="utf-8")
        checkpoint.save(folder / WEIGHTS, network.state_dict(), metadata)
        folder.chmod(0o755)  # it was made for its owner alone
        if to.exists():
            shutil.rmtree(to)
        os.replace(folder, to)
    test = result.get("test") or {}
    return Published(to, metadata.model, len(metadata.classes), test.get("top1"))


def upload(folder: str | Path, repo: str, *, private: bool = True) -> str:
    """Puts a published folder on the hub as `repo` (OWNER/NAME), by the token of `hf auth login`; returns its address.

    Raises `UserError` when the hub refuses.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    api = HfApi()
    try:
        address = api.create_repo(repo, private=private, exist_ok=True)
        api.upload_folder(folder_path=folder, repo_id=repo, commit_message="Published by parcnet")
    except LocalTokenNotFoundError:
        raise UserError("the hub does not know you: `hf auth login` first, or set HF_TOKEN.") from None
    except (HfHubHTTPError, ValueError) as error:
        raise UserError(f"the hub refused {repo}: {str(error).splitlines()[0]}") from error
    return str(address)


def _save(network: nn.Module, metadata: checkpoint.Metadata, folder: Path) -> None:
    preprocessing = metadata.preprocessing
    channels = len(preprocessing["mean"])
    save_for_hf(
        network,
        str(folder),
        model_config={"label_names": list(metadata.classes)},
        model_args=metadata.model_args,
        safe_serialization=True,
        data_config={
            "input_size": (channels, *preprocessing["size"]),
            **{key: preprocessing[key] for key in ("mean", "std", "interpolation", "crop_pct")},
        },
    )


def _result(run: Path) -> dict[str, Any]:
    """What `parcnet train` wrote into the run folder at its end; nothing beside a lone checkpoint."""
    path = (run if run.is_dir() else run.parent) / "result.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
