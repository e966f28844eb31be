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
from parcnet.sharing.model_card import ModelCard
from parcnet.tasks.loading import load_checkpoint

WEIGHTS = "model.safetensors"
"""timm's name for weights; also a parcnet checkpoint, with classes, preprocessing and recipe in its header."""


@dataclass(frozen=True, slots=True)
class Published:
    """A published folder."""

    folder: Path
    model: str
    classes: int
    top1: float | None
    """On the test split, in [0, 1]; None if the run folder has no test result, or one of another task."""


def publish(run: str | Path, to: str | Path, *, license_name: str = "unknown", overwrite: bool = False) -> Published:
    """Publishes a run folder or checkpoint as folder `to`: timm's `config.json`, weights, and a model card.

        timm.create_model("local-dir:TO", pretrained=True)      after `import parcnet`
        parcnet.load(TO)                                        and `parcnet predict TO photo.jpg`

    The card lists recipe, data, metrics with their command, and limits, from the checkpoint and `result.json`.
    `license_name` is the weights' licence in the hub's spelling ("apache-2.0", "cc-by-nc-4.0"); it depends on the
    training data, so the default is "unknown". The folder is written atomically.

    Raises `UserError` for an invalid checkpoint, for a task whose network timm cannot build, and for an existing
    folder with other content unless `overwrite`.
    """
    loaded = load_checkpoint(run)
    network, metadata = loaded.network, loaded.metadata
    if not loaded.task.timm_network:
        raise UserError(
            f"{run} is a {metadata.task} network, and timm's format holds classifiers. Share the checkpoint file "
            "itself: parcnet reads it."
        )
    to, result = Path(to), _result(Path(run))
    if to.exists() and not overwrite and (not to.is_dir() or any(to.iterdir())):
        raise UserError(f"{to} exists already. Choose another --to, or pass --overwrite.")
    with staging_folder(to) as folder:
        _save(network, metadata, folder)
        parameters = sum(each.numel() for each in network.parameters())
        card = ModelCard(to.name, metadata, loaded.task, result, parameters, license_name)
        (folder / "README.md").write_text(card.markdown(), encoding="utf-8")
        checkpoint.save(folder / WEIGHTS, network.state_dict(), metadata)
        folder.chmod(0o755)  # staging folders are readable by their owner only
        if to.exists():
            shutil.rmtree(to)
        os.replace(folder, to)
    test = result.get("test") or {}
    return Published(to, metadata.model, len(metadata.classes), test.get("top1"))


def upload(folder: str | Path, repo: str, *, private: bool = True) -> str:
    """Uploads a published folder to the hub as `repo` (OWNER/NAME), with the token of `hf auth login`; returns its URL.

    Raises `UserError` when the hub refuses.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    api = HfApi()
    try:
        url = api.create_repo(repo, private=private, exist_ok=True)
        api.upload_folder(folder_path=folder, repo_id=repo, commit_message="Published by parcnet")
    except LocalTokenNotFoundError:
        raise UserError("not logged in to the hub: run `hf auth login`, or set HF_TOKEN.") from None
    except (HfHubHTTPError, ValueError) as error:
        raise UserError(f"the hub refused {repo}: {str(error).splitlines()[0]}") from error
    return str(url)


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
    """The run folder's `result.json`; empty for a checkpoint without one."""
    path = (run if run.is_dir() else run.parent) / "result.json"
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return result if isinstance(result, dict) else {}
