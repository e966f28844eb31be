from types import SimpleNamespace

import pytest

from parcnet.base import UserError
from parcnet.data.repeat_dataset import repeated


class _Million(SimpleNamespace):
    def __len__(self):
        return 10**6


def test_an_epoch_of_too_many_repeated_images_is_refused():
    images = _Million(classes=("a",), name="many")
    assert len(repeated(images, 100)) == 10**8
    with pytest.raises(UserError, match=r"repeats is 101, .* use repeats 100 or less"):
        repeated(images, 101)
