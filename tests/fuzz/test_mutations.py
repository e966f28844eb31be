"""1,800 damaged checkpoints, recipes, images and packed folders: each gives a right answer or a `UserError`, soon."""

import io
import json
import random
import shutil
import signal
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import numpy as np
import pytest
import torch
from PIL import Image

from parcnet import checkpoint
from parcnet.base import UserError
from parcnet.checkpoint import Metadata
from parcnet.checkpoint.container import to_bytes
from parcnet.data import open_dataset
from parcnet.data.images import BadImage, decode_image
from parcnet.data.shards.pack import index, pack
from parcnet.data.shards.shard_plan import plan_shards
from parcnet.recipes import Recipe, override, packaged, read_recipe, to_yaml
from parcnet.training.run.state import TrainingState, parse_state

SECONDS = 10.0  # for one mutant, on a busy machine

WEIGHTS = {"a": torch.arange(24.0).reshape(2, 3, 4), "b": torch.tensor(3), "c": torch.randn(5).bfloat16()}


STATE = {
    "format": 1,
    "recipe": {},
    "classes": ["a", "b"],
    "images": {"train": 3},
    "own_order": False,
    "steps_per_epoch": 1,
    "world": "",
    "machine": "",
    "versions": {},
    "logs": {"log.jsonl": 7},
    "scaler": {},
    "position": {"epoch": 3, "done": 0, "losses": [0.5], "skipped": 0, "best": None},
    "optimizer": {"numbers": {}, "groups": [{"lr": 0.1}]},
}

_INTERESTING = (0, 1, 0x7F, 0x80, 0xFF)


class Hangs(BaseException):
    """Not an Exception, so that no code under test can catch it."""


def mutated(content: bytes, number: int) -> bytes:
    """One of endlessly many damaged versions of `content`."""
    chance = random.Random(number)
    result = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        place = chance.randrange(len(result)) if result else 0
        if chance.random() < 0.4:  # headers are where the damage tells
            place = min(place, chance.randrange(64))
        match chance.randrange(7):
            case 0 if result:
                result[place] ^= 1 << chance.randrange(8)
            case 1 if result:
                result[place] = chance.choice(_INTERESTING)
            case 2:
                del result[place:]
            case 3:
                del result[place : place + chance.randrange(1, 64)]
            case 4:
                result[place:place] = chance.randbytes(chance.randrange(1, 16))
            case 5:
                result[place:place] = result[place : place + chance.randrange(1, 200)]
            case _:
                width = chance.choice((2, 4, 8))
                value = chance.choice((0, 1, 2 ** (8 * width) - 1, 2 ** (8 * width - 1), chance.getrandbits(8 * width)))
                result[place : place + width] = value.to_bytes(width, chance.choice(("big", "little")))
    return bytes(result)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises `Hangs` inside the block when it takes longer."""

    def stop(_: int, frame: FrameType | None) -> None:
        where = (
            "" if frame is None else f" in {frame.f_code.co_qualname}" if hasattr(frame.f_code, "co_qualname") else ""
        )
        raise Hangs(f"no answer after {seconds} s{where}")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def outcome(action, where):
    """What `action` returns, or the `UserError` it raises; anything else fails, and names the mutant."""
    try:
        with at_most(SECONDS):
            return action()
    except UserError as error:
        return error
    except BaseException as error:
        raise AssertionError(f"{where}: {type(error).__name__}: {error}") from error


def shares(total, parts):
    """(part, its numbers) so that failures say where; few tests, for each costs more than a mutant."""
    return [range(part, total, parts) for part in range(parts)]


@pytest.fixture(scope="module")
def checkpoint_bytes(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "best.safetensors"
    classes = ("cat", "dog")
    data = {"size": [32, 32], "mean": [0.5], "std": [0.5], "interpolation": "bicubic", "crop_pct": 1.0}
    checkpoint.save(path, WEIGHTS, Metadata("parcnetv2_digits", {"num_classes": 2}, classes, data, "digits"))
    return path.read_bytes()


@pytest.mark.parametrize("numbers", shares(400, 4), ids=str)
def test_checkpoints(numbers, checkpoint_bytes, tmp_path):
    refused = 0
    for number in numbers:
        path = tmp_path / f"{number}.safetensors"
        path.write_bytes(mutated(checkpoint_bytes, number))
        found = outcome(lambda path=path: checkpoint.read(path), f"checkpoint {number}")
        if isinstance(found, UserError):
            refused += 1
            assert str(path) in str(found)
        else:  # damage that changes nothing, such as spaces in the header
            assert found.weights.keys() == WEIGHTS.keys()
            assert all(torch.equal(found.weights[name], WEIGHTS[name]) for name in WEIGHTS)
        outcome(lambda path=path: checkpoint.read_metadata(path), f"metadata {number}")
    assert refused > 0.9 * len(numbers)


@pytest.mark.parametrize("numbers", shares(200, 2), ids=str)
def test_training_states(numbers):
    content = to_bytes(WEIGHTS, "parcnet.state", json.dumps(STATE))
    assert isinstance(parse_state(content, "whole"), TrainingState)
    for number in numbers:
        damaged = mutated(content, number)
        found = outcome(lambda damaged=damaged: parse_state(damaged, "the state"), f"state {number}")
        if isinstance(found, UserError):
            assert "the state" in str(found)
        else:
            assert all(torch.equal(found.tensors[name], WEIGHTS[name]) for name in WEIGHTS)


RECIPES = [
    to_yaml(Recipe()),
    *(f"base: {name}\nrun:\n  seed: 3\n" for name in packaged()),
    to_yaml(read_recipe("digits")),
]
TOKENS = [
    *(
        "null",
        "true",
        "-1",
        "1e999",
        ".nan",
        ".inf",
        "[]",
        "{}",
        "''",
        "[1, 2, 3]",
        "!!python/object/apply:os.getcwd []",
    ),
    *("&a", "*a", "|", ">", "---", "...", "<<: ?", ": #"),
    "2026-11-20",
    "0x10",
    "\t",
    "\ufeff",
    "9" * 400,
    "{a: {b: {c: 1}}}",
]


def recipe_mutant(number):
    """Every second one is damaged in its bytes, the others in their words."""
    chance = random.Random(number)
    text = chance.choice(RECIPES)
    if number % 2:
        return mutated(text.encode(), number)
    lines = text.split("\n")
    for _ in range(chance.choice((1, 1, 2, 4))):
        place = chance.randrange(len(lines))
        key, colon, _ = lines[place].partition(":")
        match chance.randrange(5):
            case 0:
                lines[place] = f"{key}{colon} {chance.choice(TOKENS)}"
            case 1:
                lines[place] = f"{key[::-1]}{colon} 1"
            case 2:
                lines.insert(place, chance.choice(lines))
            case 3:
                lines[place] = " " * chance.randrange(6) + lines[place].lstrip()
            case _:
                lines[place] = chance.choice(TOKENS)
    return "\n".join(lines).encode()


@pytest.mark.parametrize("numbers", shares(500, 4), ids=str)
def test_recipes(numbers, tmp_path):
    read = 0
    for number in numbers:
        path = tmp_path / f"{number}.yaml"
        path.write_bytes(recipe_mutant(number))
        found = outcome(lambda path=path: read_recipe(path), f"recipe {number}")
        if isinstance(found, UserError):
            assert f"{number}.yaml" in str(found) or "recipe" in str(found)
        else:
            read += 1
            again = tmp_path / f"{found.name or 'x'}-again.yaml" if "/" not in found.name else tmp_path / "again.yaml"
            again.write_text(to_yaml(found), encoding="utf-8")
            assert to_yaml(read_recipe(again)) == to_yaml(found)
    assert 0 < read < len(numbers)


@pytest.mark.parametrize("numbers", shares(100, 1), ids=str)
def test_settings_on_the_command_line(numbers):
    for number in numbers:
        chance = random.Random(number)
        text = chance.choice(["optimizer.lr=1e-3", "augmentation.scale=[0.1, 1]", "run.amp=bf16", "data.batch_size=8"])
        damaged = mutated(text.encode(), number).decode("utf-8", "replace")
        found = outcome(lambda damaged=damaged: override(Recipe(), [damaged]), f"setting {number}")
        assert isinstance(found, (Recipe, UserError))


def test_yaml_that_grows_when_it_is_read(tmp_path):
    laughs = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    laughs += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 12)]
    (tmp_path / "laughs.yaml").write_text("\n".join(laughs))
    (tmp_path / "value.yaml").write_text("optimizer:\n  lr:\n" + "\n".join(f"   {line}" for line in laughs))
    (tmp_path / "deep.yaml").write_text("optimizer: " + "[" * 5000 + "]" * 5000)
    (tmp_path / "self.yaml").write_text("optimizer: &a\n  lr: *a\n")
    for name in ("laughs", "value", "deep", "self"):
        found = outcome(lambda name=name: read_recipe(tmp_path / f"{name}.yaml"), name)
        assert isinstance(found, UserError)
        assert len(str(found)) < 2000


def photograph():
    noise = np.random.default_rng(0).normal(0, 12, (40, 48, 3))
    ramp = np.linspace(0, 220, 48)[None, :, None]
    return Image.fromarray((noise + ramp).clip(0, 255).astype(np.uint8))


def encoded(kind):
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"JPEG": {"exif": exif, "progressive": True}, "TIFF": {"compression": "tiff_lzw"}, "PNG": {"exif": exif}}
    image = photograph().convert("P") if kind == "GIF" else photograph()
    image.save(file, kind, **options.get(kind, {}))
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "GIF", "WEBP", "BMP", "PPM", "JPEG2000"])
def test_images(kind):
    content = encoded(kind)
    assert decode_image(content, "whole").mode == "RGB"
    for number in range(60):
        damaged = mutated(content, number)
        found = outcome(lambda damaged=damaged: decode_image(damaged, "x.img"), f"{kind} {number}")
        if isinstance(found, BadImage):
            assert found.where == "x.img"
        else:
            assert found.mode == "RGB"
            assert np.asarray(found).shape == (found.height, found.width, 3)


def test_a_small_file_that_says_it_is_huge():
    content = encoded("PNG")
    header = b"IHDR" + struct.pack(">II", 60_000, 60_000) + content[24:29]
    content = content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:]
    found = outcome(lambda: decode_image(content, "bomb.png"), "bomb")
    assert "pixels; downscale it" in str(found)


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    root = tmp_path_factory.mktemp("fuzz")
    for split, name in (("train", "cat"), ("train", "dog"), ("val", "cat")):
        (root / "images" / split / name).mkdir(parents=True)
        for number in range(4):
            photograph().resize((20 + number, 20)).save(root / "images" / split / name / f"{number}.png")
    pack(plan_shards(root / "images", "wds", 4000), root / "packed", "wds")
    return root / "packed"


def read_all(root):
    """Every label, and every image that can be read."""
    images = open_dataset(f"wds/{root}", "train")
    found = []
    for place in range(len(images)):
        try:
            found.append((images.label(place), images.image(place).size))
        except BadImage:
            found.append((images.label(place), None))
    return found


@pytest.mark.parametrize("name", ["manifest.json", "train.index", "train-*.tar"])
def test_packed_folders(name, packed, tmp_path):
    whole = read_all(packed)
    name = sorted(packed.glob(name))[0].name
    content = (packed / name).read_bytes()
    for number in range(40):
        root = tmp_path / str(number)
        shutil.copytree(packed, root)
        (root / name).write_bytes(mutated(content, number))
        found = outcome(lambda root=root: read_all(root), f"{name} {number}")
        if name.endswith(".tar") and not isinstance(found, UserError):
            assert [label for label, _ in found] == [label for label, _ in whole]


@pytest.mark.parametrize("numbers", shares(60, 1), ids=str)
def test_foreign_tar_shards(numbers, packed, tmp_path):
    content = next(iter(sorted(packed.glob("train-*.tar")))).read_bytes()
    for number in numbers:
        root = tmp_path / str(number)
        root.mkdir()
        (root / "train-0.tar").write_bytes(mutated(content, number))
        outcome(lambda root=root: index(root, None), f"tar {number}")
