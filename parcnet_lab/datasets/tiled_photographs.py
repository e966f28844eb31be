"""A folder of real images without a download: tiles of scikit-image's photographs, a class a photograph."""

from pathlib import Path

from parcnet.data.packaged_images import open_packaged

SOURCES = {
    "astronaut": "astronaut.png",
    "brick": "brick.png",
    "cat": "chelsea.png",
    "coffee": "coffee.png",
    "coins": "coins.png",
    "grass": "grass.png",
    "gravel": "gravel.png",
    "moon": "moon.png",
    "rocket": "rocket.jpg",
    "stars": "hubble_deep_field.jpg",
}
"""Class -> file in skimage/data."""
TILE = 64
"""Side of a tile in px."""
_TURN = 5  # of five tiles in a row, one is for validation and one for testing


def make_folder(root: Path) -> dict[str, int]:
    """Writes SPLIT/CLASS/*.png, the class being the photograph that a tile was cut from; returns images by split.

    Tiles do not overlap, so no pixel is in two splits; but tiles of one photograph are similar, so this is easier than
    generalising to new photographs. Raises `UserError` without scikit-image.
    """
    counts = {"train": 0, "val": 0, "test": 0}
    for name, file in SOURCES.items():
        with open_packaged("skimage", f"data/{file}") as photograph:
            image = photograph.convert("RGB")
        places = [
            (x, y) for y in range(0, image.height - TILE + 1, TILE) for x in range(0, image.width - TILE + 1, TILE)
        ]
        for number, (x, y) in enumerate(places):
            # shifted by one from row to row, so that no split is a stripe
            split = {0: "val", 1: "test"}.get((x // TILE + 2 * (y // TILE)) % _TURN, "train")
            folder = root / split / name
            folder.mkdir(parents=True, exist_ok=True)
            image.crop((x, y, x + TILE, y + TILE)).save(folder / f"{number:03d}.png")
            counts[split] += 1
    return counts
