"""Labels in JSON files, one beside each image: NAME.jpg and NAME.json with {"labels": ["cat", "sofa"]}."""

from pathlib import Path

from parcnet.base import UserError, counted
from parcnet.base.untrusted import parse_json
from parcnet.data.folders import image_files
from parcnet.data.image_walk import is_hidden
from parcnet.tasks.multilabel.data.listing import EXPECTED, LabelledFile, Listing, read_text, some

_KEY = "labels"


def read_json_folder(folder: Path) -> Listing:
    """The images in `folder` and its subfolders.

    Raises `UserError` for no image, an image without a JSON file and the reverse, two images that share one, and JSON
    without a list of names.
    """
    images = image_files(folder)
    if not images:
        raise UserError(f"{folder} has no images. {EXPECTED}")
    owners: dict[Path, Path] = {}
    for image in images:
        labels = image.with_suffix(".json")
        if labels in owners:
            raise UserError(f"{owners[labels]} and {image} both belong to {labels}: rename one of the images.")
        owners[labels] = image
    beside = {path for holder in {image.parent for image in images} for path in holder.glob("*.json")}
    present = {path for path in beside.union(folder.rglob("*.json")) if not _is_hidden(path.relative_to(folder))}
    if missing := sorted(owners.keys() - present):
        raise UserError(
            f"{counted(len(missing), 'image')} of {len(images)} in {folder} without labels, first "
            f'{owners[missing[0]]}: expected {missing[0]} with {{"{_KEY}": [...]}}, an empty list for an image without '
            "any."
        )
    if lonely := sorted(present - owners.keys()):
        raise UserError(f"{lonely[0]} has no image beside it: add the image, or move the file out of {folder}.")
    return Listing(folder, [LabelledFile(image, _labels(path), str(path)) for path, image in owners.items()])


def _is_hidden(path: Path) -> bool:
    return any(map(is_hidden, path.parts))


def _labels(path: Path) -> tuple[str, ...]:
    try:
        content = parse_json(read_text(path))
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}.") from None
    form = f'{{"{_KEY}": ["NAME", ...]}}'
    if not isinstance(content, dict):
        raise UserError(f"{path} holds a {type(content).__name__}; expected {form}.")
    if _KEY not in content:
        keys = f"its keys are {some(sorted(content))}" if content else "it is empty"
        raise UserError(f"{path} has no key {_KEY!r}; {keys}. Expected {form}.")
    labels = content[_KEY]
    if not isinstance(labels, list) or not all(isinstance(name, str) and name.strip() for name in labels):
        raise UserError(f"{path} has {_KEY} {labels!r}; expected a list of names: {form}.")
    return tuple(name.strip() for name in labels)
