import numpy as np
import pytest

from parcnet.base import UserError
from parcnet.plots import confusion
from parcnet_cli.common.pictures import FORMATS, check_picture


@pytest.mark.parametrize("suffix", [*FORMATS, ".PNG"])
def test_every_format_named_can_be_drawn(suffix, tmp_path):
    path = tmp_path / f"picture{suffix}"
    check_picture("--plot", path)
    confusion(np.eye(2, dtype=int), ("a", "b"), path)
    assert path.stat().st_size > 0


@pytest.mark.parametrize("name", ["picture", "picture.", "picture.foo", "picture.png.gz", ".png", ""])
def test_other_suffixes_are_rejected_before_the_work(name, tmp_path):
    with pytest.raises(UserError, match=r"--plot is .*\.png, .*\.pdf"):
        check_picture("--plot", tmp_path / name)


def test_no_picture_is_accepted():
    check_picture("--plot", None)
