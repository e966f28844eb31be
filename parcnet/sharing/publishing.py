"""Run folder -> a folder that timm, the hub and `parcnet.load` read, with a model card."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from timm.models import save_for_hf
from torch import nn

from parcnet import checkpoint
from parcnet.base import UserError, staging_folder
from parcnet.sharing.model_card import ModelCard
from parcnet.sharing.run_result import read_result
from parcnet.sharing.target import CARD, CONFIG, WEIGHTS, check_target
from parcnet.tasks.loading import load_checkpoint


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

    Only an empty folder and one that this function wrote are replaced.

    Raises `UserError` for an invalid checkpoint, for a task whose network timm cannot build, and for an existing
    folder with other content unless `overwrite`.
    """
    run, to = Path(run), Path(to)
    check_target(run, to, overwrite)
    loaded = load_checkpoint(run)
    network, metadata = loaded.network, loaded.metadata
    if not loaded.task.timm_network:
        raise UserError(
            f"{run} is a {metadata.task} network, and timm's format holds classifiers. Share the checkpoint file "
            "itself: parcnet reads it."
        )
    result = read_result(run)
    with staging_folder(to) as staging:
        folder, before = staging / "new", staging / "before"
        folder.mkdir()
        _save(network, metadata, folder)
        parameters = sum(each.numel() for each in network.parameters())
        card = ModelCard(to.name, metadata, loaded.task, result, parameters, license_name)
        (folder / CARD).write_text(card.markdown(), encoding="utf-8")
        checkpoint.save(folder / WEIGHTS, network.state_dict(), metadata)
        if to.exists():
            os.replace(to, before)
        try:
            os.replace(folder, to)
        except OSError:
            if before.exists():
                os.replace(before, to)
            raise
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
    try:
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
    except SafetensorError as error:  # of a full disk, e.g.
        raise UserError(f"cannot write {folder / WEIGHTS}: {error}. Free some space or write elsewhere.") from error
    path = folder / CONFIG
    config = json.loads(path.read_text(encoding="utf-8"))
    # it is in the configuration itself, and transformers would pass both to timm
    config.get("model_args", {}).pop("num_classes", None)
    path.write_text(json.dumps(config, indent=2), encoding="utf-8")
