import os
import random
import signal

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from parcnet.base import UserError
from parcnet.data import Preprocessing, bad_images, eval_loader, open_dataset, train_loader, train_transform
from parcnet.recipes import Augmentation

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")  # fewer cores than workers

SMALL = Preprocessing((16, 16), (0.5,) * 3, (0.5,) * 3, crop_pct=1.0)
AUGMENT = Augmentation(auto_augment="rand-m9-mstd0.5-inc1", reprob=0.5, hflip=0.5)


class Numbers:
    """Images of one colour, number `index` everywhere: what comes out tells where it came from."""

    classes = ("even", "odd")
    name = "numbers"

    def __init__(self, length):
        self.length = length

    def __len__(self):
        return self.length

    def image(self, index):
        return Image.new("RGB", (8, 8), (index, index, index))

    def label(self, index):
        return index % 2

    def where(self, index):
        return f"numbers {index}"


class Deadly(Numbers):
    """Kills the process that reads image 5."""

    def image(self, index):
        if index == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().image(index)


def fail(image):
    raise RuntimeError(f"a bug in the transform of a {image.mode} image")


def tensor_of(image):
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)


def training(dataset, *, transform=None, **options):
    transform = transform or train_transform(SMALL, AUGMENT)
    defaults = {"batch_size": 8, "seed": 1, "epoch": 2, "workers": 0}
    return train_loader(dataset, transform=transform, **{**defaults, **options})


def numbers(loader):
    return [int(image[0, 0, 0]) for images, _ in loader for image in images]


def assert_equal(first, second):
    first, second = list(first), list(second)
    assert len(first) == len(second) > 0
    for (images, labels), (other_images, other_labels) in zip(first, second, strict=True):
        assert torch.equal(images, other_images)
        assert torch.equal(labels, other_labels)


def test_a_batch_is_float_images_and_their_int64_labels():
    loader = training(open_dataset(None, "train"), batch_size=32)
    images, labels = next(iter(loader))
    assert (images.shape, images.dtype) == ((32, 3, 16, 16), torch.float32)
    assert (labels.shape, labels.dtype) == ((32,), torch.int64)
    for images, labels in training(Numbers(64), transform=tensor_of):
        assert (images[:, 0, 0, 0] % 2).tolist() == labels.tolist()


@pytest.mark.parametrize("workers", [1, 2])
def test_augmented_batches_are_bit_equal_for_any_number_of_workers(workers):
    digits = open_dataset(None, "val")
    assert_equal(training(digits), training(digits, workers=workers))


def test_a_sample_does_not_depend_on_its_batch():
    digits = open_dataset(None, "val")
    whole = torch.cat([images for images, _ in training(digits, batch_size=10)])
    single = torch.cat([images for images, _ in training(digits, batch_size=1)])
    assert torch.equal(whole, single)


def test_resuming_within_an_epoch_is_bit_equal():
    digits = open_dataset(None, "val")
    resumed = training(digits, start_batch=17)
    assert len(resumed) == 180 // 8 - 17
    assert_equal(list(training(digits))[17:], resumed)


def test_another_epoch_or_seed_is_another_sample_of_the_same_image():
    digits = open_dataset(None, "val")
    batches = [next(iter(training(digits, epoch=e, seed=s)))[0] for e, s in [(0, 0), (1, 0), (0, 1)]]
    assert not torch.equal(batches[0], batches[1])
    assert not torch.equal(batches[0], batches[2])


def test_ranks_together_train_on_every_image_once():
    ranks = [numbers(training(Numbers(64), transform=tensor_of, rank=rank, world=2)) for rank in range(2)]
    assert sorted(ranks[0] + ranks[1]) == list(range(64))


@pytest.mark.parametrize("workers", [0, 1])
def test_the_global_random_generators_keep_their_state(workers):
    def state():
        kind, keys, *rest = np.random.get_state()  # noqa: NPY002
        return random.getstate(), (kind, keys.tolist(), *rest), torch.get_rng_state().tolist()

    before = state()
    for _ in training(Numbers(32), workers=workers):
        assert state() == before
    for _ in eval_loader(Numbers(32), transform=SMALL.transform(), batch_size=8, workers=workers):
        assert state() == before


@pytest.mark.parametrize("workers", [0, 2])
def test_evaluation_yields_every_image_once_in_order(workers):
    loader = eval_loader(Numbers(21), transform=tensor_of, batch_size=8, workers=workers)
    assert len(loader) == 3
    assert [len(labels) for _, labels in loader] == [8, 8, 5]
    assert numbers(loader) == list(range(21))


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("world", [2, 3, 7])
def test_ranks_together_evaluate_every_image_once_whatever_their_number(world, batch_size):
    for length in (1, 2, 5, 24, 25, 26):
        loaders = [
            eval_loader(Numbers(length), transform=tensor_of, batch_size=batch_size, workers=0, rank=rank, world=world)
            for rank in range(world)
        ]
        assert [numbers(each) for each in loaders] == [list(range(rank, length, world)) for rank in range(world)]


def test_too_few_images_for_one_batch():
    with pytest.raises(UserError, match="20 training images cannot fill one batch of 64: use --batch-size 20 or less"):
        training(Numbers(20), batch_size=64)
    assert len(numbers(training(Numbers(20), transform=tensor_of, batch_size=64, drop_last=False))) == 20


@pytest.mark.parametrize(
    ("length", "world", "message"),
    [
        (20, 2, "batch of 64 on each of 2 ranks: use --batch-size 10 or less"),
        (21, 1, "batch of 64: use --batch-size 20 or less"),
        (22, 2, "batch of 64 on each of 2 ranks: use --batch-size 10 or less"),
        (3, 1, "batch of 64: use --batch-size 2 or less"),
        (1, 1, "batch of 64: use --batch-size 1 or less"),
    ],
)
def test_the_proposed_batch_size_is_even_as_mixup_requires(length, world, message):
    with pytest.raises(UserError, match=message):
        training(Numbers(length), batch_size=64, world=world)


@pytest.fixture
def damaged(make_folder, monkeypatch):
    """A folder of 16 images, two of them unreadable, without earlier warnings."""
    monkeypatch.setattr(bad_images, "_warned", set())
    root = make_folder(train={"cat": 8, "dog": 8})
    (root / "train" / "cat" / "3.png").write_bytes(b"")
    (root / "train" / "dog" / "5.png").write_text("hello")
    return open_dataset(root, "train")


@pytest.mark.parametrize("workers", [0, 2])
def test_unreadable_images_are_named_once_and_replaced_in_training(damaged, capsys, workers):
    first = list(training(damaged, max_bad_images=2, batch_size=4, workers=workers))
    assert [len(labels) for _, labels in first] == [4] * 4
    warnings = sorted(capsys.readouterr().err.splitlines())
    assert len(warnings) == 2
    assert warnings[0].endswith("cat/3.png: the file is empty")
    assert warnings[1].endswith("dog/5.png: not an image of a format that is read")
    assert_equal(first, training(damaged, max_bad_images=2, batch_size=4))
    assert capsys.readouterr().err == ""


def test_evaluation_skips_unreadable_images(damaged, capsys):
    loader = eval_loader(damaged, transform=SMALL.transform(), batch_size=1, workers=0, max_bad_images=2)
    labels = [label for _, labels in loader for label in labels.tolist()]
    assert labels == [0] * 7 + [1] * 7
    assert "3.png" in capsys.readouterr().err


@pytest.mark.parametrize("limit", [0, 1])
def test_more_unreadable_images_than_allowed_stop_the_run_and_are_named(damaged, limit):
    loader = training(damaged, max_bad_images=limit, batch_size=16)
    with pytest.raises(
        UserError, match=rf"2 unreadable images, {limit} allowed:\n  .*png: .*\n  .*png: .*\n.*--max-bad-images"
    ):
        list(loader)


def test_one_unreadable_image_is_singular(damaged):
    loader = training(damaged, batch_size=1)
    with pytest.raises(UserError, match=r"^1 unreadable image, 0 allowed"):
        list(loader)


def test_a_folder_without_readable_images_stops_the_run_at_any_limit(make_folder):
    root = make_folder(train={"cat": 8, "dog": 8})
    for path in (root / "train").rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(UserError, match="its replacements cannot be read either"):
        list(training(open_dataset(root, "train"), max_bad_images=100))


def test_a_killed_worker_is_reported_with_a_remedy(monkeypatch):
    monkeypatch.setattr(_MultiProcessingDataLoaderIter._try_get_data, "__defaults__", (0.2,))  # default: every 5 s
    with pytest.raises(UserError, match=r"a data loader worker died .*exited unexpectedly.*use fewer --workers"):
        list(training(Deadly(16), workers=1))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_bug_in_a_worker_is_not_mistaken_for_its_death(workers):
    with pytest.raises(RuntimeError, match="a bug in the transform of a RGB image"):
        list(training(Numbers(16), transform=fail, workers=workers))


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")])
def test_an_image_whose_transform_does_not_fit_into_memory_is_a_bad_image(make_folder, error):
    images = open_dataset(make_folder(train={"cat": 2, "dog": 2}), "train")
    plain = SMALL.transform()

    def transform(image):
        if image.size == images.image(1).size:
            raise error
        return plain(image)

    with pytest.raises(UserError, match=r"2 unreadable images, 1 allowed(.|\n)*does not fit into memory"):
        list(eval_loader(images, transform=transform, batch_size=4, workers=0, max_bad_images=1))
    loader = eval_loader(images, transform=transform, batch_size=4, workers=0, max_bad_images=2)
    assert [len(labels) for _, labels in loader] == [2]


def test_other_errors_of_a_transform_are_not_hidden(make_folder):
    images = open_dataset(make_folder(train={"cat": 1, "dog": 1}), "train")

    def transform(_):
        raise RuntimeError("a mistake in the code")

    with pytest.raises(RuntimeError, match="a mistake in the code"):
        list(eval_loader(images, transform=transform, batch_size=2, workers=0, max_bad_images=2))
